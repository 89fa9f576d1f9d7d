"""The registry mirrors what Solr serves: `upload` makes a version, `promote` moves the aliases; Solr is the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reprise.tracking.pyfunc import find_model
from reprise.tracking.runs import child, experiment_name
from reprise.tracking.server import mlflow_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from reprise.plan import Plan

CHAMPION, PREVIOUS = "champion", "previous"


class Served(Protocol):
    """What the registry has to know of a candidate."""

    @property
    def family(self) -> str:
        """Its family."""

    @property
    def model(self) -> str:
        """Its model's name in Solr."""

    @property
    def store(self) -> str:
        """Its feature store's name in Solr."""

    @property
    def sha(self) -> str:
        """Its digest."""


def register(plan: Plan, candidate: Served) -> str:
    """Return the candidate's version of the deployment's registered model, made if there is none."""
    name = experiment_name(plan.deployment.name)
    with mlflow_client() as client:
        _ensure_model(client, name)
        found = find_version(client, plan.deployment.name, candidate.model)
        if found:
            return found
        run = child(client, plan, candidate.family)
        tags = {
            "reprise.solr_model": candidate.model,
            "reprise.solr_store": candidate.store,
            "reprise.digest": candidate.sha,
            "reprise.run": plan.run,
        }
        model = find_model(client, plan.mlflow["experiment_id"], run, candidate.model)
        source = f"models:/{model}" if model else f"runs:/{run}/model"  # of a training recorded before there were any
        version = client.create_model_version(name, source, run_id=run, tags=tags, model_id=model or None)
        return str(version.version)


def find_version(client: MlflowClient, deployment: str, solr_model: str) -> str:
    """Return the version whose model Solr knows under this name, or nothing."""
    versions = client.search_model_versions(f"name = '{experiment_name(deployment)}'")
    return next((str(v.version) for v in versions if v.tags.get("reprise.solr_model") == solr_model), "")


def set_champion(deployment: str, model: str, previous: str = "") -> None:
    """Move the aliases to what Solr serves: ``champion`` and ``previous``, by their models' names in Solr.

    A model without a version, such as release 0 (engine order, no model), takes its alias away.
    """
    name = experiment_name(deployment)
    with mlflow_client() as client:
        _ensure_model(client, name)
        for alias, solr_model in ((PREVIOUS, previous), (CHAMPION, model)):
            version = find_version(client, deployment, solr_model) if solr_model else ""
            if version:
                client.set_registered_model_alias(name, alias, version)
            elif alias in client.get_registered_model(name).aliases:
                client.delete_registered_model_alias(name, alias)


def _ensure_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name, description="What Reprise put into Solr; Solr itself is the truth.")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def served_aliases(deployment: str) -> dict[str, str]:
    """Return what the aliases ``champion`` and ``previous`` stand for: the models' names in Solr."""
    from mlflow.exceptions import MlflowException

    name = experiment_name(deployment)
    with mlflow_client() as client:
        try:
            aliases = client.get_registered_model(name).aliases
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return {}
            raise
        return {
            alias: str(client.get_model_version(name, version).tags.get("reprise.solr_model", ""))
            for alias, version in aliases.items()
            if alias in (CHAMPION, PREVIOUS)
        }
