"""Runs of the lifecycle in MLflow: one parent, one child for each model, all found by tag before they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from reprise.connections import connection
from reprise.tracking.server import mlflow_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from reprise.plan import Plan

Status = Literal["FINISHED", "FAILED", "KILLED"]
RUN, KIND, MODEL, FAMILY = "reprise.run", "reprise.kind", "reprise.model", "reprise.family"
#: Else the page shows what is asked of language models, until somebody chooses.
_KIND_OF_EXPERIMENT = {"mlflow.experimentKind": "custom_model_development"}
CHILD_OF = "mlflow.parentRunId"


def experiment_name(deployment: str) -> str:
    """Return the name of a deployment's experiment, which is also its registered model's."""
    return f"reprise-{deployment}"


def start_run(plan: Plan) -> dict[str, str]:
    """Return experiment and parent run of a plan, made where they are missing: ``experiment_id`` and ``run_id``.

    Call it once, before any task runs beside another: clients that create an experiment at the same moment can
    lose their runs to "Default" silently.
    """
    with mlflow_client() as client:
        experiment = ensure_experiment(client, experiment_name(plan.deployment.name))
        return {"experiment_id": experiment, "run_id": _parent(client, experiment, plan).info.run_id}


def ensure_experiment(client: MlflowClient, name: str) -> str:
    """Return the id of the experiment of that name, made if there is none; one deleted in the UI is restored."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, tags=_KIND_OF_EXPERIMENT)
        except MlflowException as error:
            found = client.get_experiment_by_name(name)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found.experiment_id


def child(client: MlflowClient, plan: Plan, model: str) -> str:
    """Return the id of a model's child run of the plan's parent, made if there is none."""
    experiment, parent = plan.mlflow["experiment_id"], plan.mlflow["run_id"]
    found = _newest(client, experiment, {CHILD_OF: parent, MODEL: model})
    if found is None:
        tags = {CHILD_OF: parent, MODEL: model, **_kind(plan, model), **_tags(plan)}
        found = client.create_run(experiment, tags=tags, run_name=model)
    return str(found.info.run_id)


def children(client: MlflowClient, plan: Plan) -> list[Run]:
    """Return the runs of a plan's models."""
    runs = client.search_runs([plan.mlflow["experiment_id"]], _filter({CHILD_OF: plan.mlflow["run_id"]}))
    return [run for run in runs if MODEL in run.data.tags]


def reopen_run(mlflow: Mapping[str, str]) -> None:
    """Put a parent run back to running, for a lifecycle run that was cleared; without one, nothing happens."""
    if mlflow:
        with mlflow_client() as client:
            client.update_run(mlflow["run_id"], status="RUNNING")


def finish_run(mlflow: Mapping[str, str], status: Status, ending: str, tags: Mapping[str, str] | None = None) -> None:
    """End a parent run with how it ended, and with it every child that still runs; without one, nothing happens."""
    if not mlflow:
        return
    with mlflow_client() as client:
        for name, value in {"reprise.ending": ending, **(tags or {})}.items():
            client.set_tag(mlflow["run_id"], name, value)
        for run in client.search_runs([mlflow["experiment_id"]], _filter({CHILD_OF: mlflow["run_id"]})):
            if run.info.status == "RUNNING":
                client.set_terminated(run.info.run_id, "FAILED" if status == "FAILED" else "KILLED")
        client.set_terminated(mlflow["run_id"], status)


def run_url(mlflow: Mapping[str, str], child_id: str = "") -> str:
    """Return the address of a run's page, of a child if its id is given; empty without a run."""
    if not mlflow:
        return ""
    run = child_id or mlflow["run_id"]
    return f"{connection('mlflow').uri}/#/experiments/{mlflow['experiment_id']}/runs/{run}"


def parent_note(plan: Plan, compare: str = "") -> str:
    """Return what stands on a parent run's page: the way to Airflow, and to its models side by side."""
    links = {"The Airflow run": plan.airflow.get("url"), "Its models side by side": compare}
    return " · ".join(f"[{text}]({url})" for text, url in links.items() if url)


def _parent(client: MlflowClient, experiment: str, plan: Plan) -> Run:
    found = _newest(client, experiment, {RUN: plan.run, KIND: "run"})
    if found is not None:
        return found
    tags = {KIND: "run", **_tags(plan)}
    if note := parent_note(plan):
        tags["mlflow.note.content"] = note
    run = client.create_run(experiment, tags=tags, run_name=f"{plan.as_of} {plan.run}")
    champion = plan.champion.get("number", 0) if plan.champion else 0
    values = {
        "as_of": plan.as_of,
        "days": len(plan.days),
        "families": ",".join(plan.families),
        "champion_release": champion,
        "deployment": plan.deployment.name,
        "definitions": plan.deployment.digest,
        "bundle": plan.bundle or "none",
    }
    for name, value in values.items():
        client.log_param(run.info.run_id, name, value)
    return run


def _kind(plan: Plan, model: str) -> dict[str, str]:
    """Return the tags to filter by: candidate, champion or baseline, and the family where a training made it."""
    if model in plan.families:
        return {KIND: "candidate", FAMILY: model}
    champion = {FAMILY: family} if (family := (plan.champion or {}).get("family")) else {}
    if model == "champion":
        return {KIND: "champion", **champion}
    return {KIND: "baseline", **(champion if model == "champion_retrained" else {})}


def _tags(plan: Plan) -> dict[str, str]:
    """Return what leads from an MLflow run back to the lifecycle's."""
    airflow = {f"airflow.{name}": plan.airflow[name] for name in ("dag_id", "run_id", "url") if plan.airflow.get(name)}
    return {RUN: plan.run, "reprise.deployment": plan.deployment.name, "reprise.lake": plan.lake, **airflow}


def _newest(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> Run | None:
    runs = client.search_runs([experiment], _filter(tags), order_by=["attributes.start_time DESC"], max_results=1)
    return runs[0] if runs else None


def _filter(tags: Mapping[str, str]) -> str:
    return " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
