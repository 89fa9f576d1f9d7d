"""The whole sandbox with the small simulated service, and `retrain` runs in it, driven as people drive them.

A variant is a deployment of its own that extends ``demo-small``; its lake is a copy. ``hand_over`` also copies what
the stages of an earlier run published, under the new run's name, so that they find their work done.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from builders.kills import kill_process
from reprise.bundle import build_bundle, upload_bundle
from reprise.lake import Lake
from reprise.plan import Plan, read_plan
from reprise.release.record import Pointer, read_pointer
from reprise.sandbox import processes, service_life, supervisor
from reprise.sandbox.airflow_client import AirflowClient
from reprise.sandbox.home import LAKE, Home
from reprise.sandbox.services import aws_client
from reprise.settings import deployments_folder
from reprise.solr.client import SolrClient, connect
from reprise.tracking.runs import experiment_name
from reprise.tracking.server import mlflow_client

FIRST = "demo-small"
CORE = "music"
_BUCKET = LAKE.removeprefix("s3://")
#: Airflow parks a task that waits for people a moment after it says so.
PARKING_S = 3.0


def write_deployments(folder: Path, variants: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Fill a folder with the demo's deployments and these variants of the small one: name → file → settings.

    Without learning curves, whose fits take longer than all else of `train`: the training room tests them.
    """
    for name in ("demo", FIRST):
        shutil.copytree(deployments_folder() / name, folder / name)
    _change(folder / FIRST / "emr.yaml", {"extends": "demo", "poll_s": 0.3})
    _change(folder / FIRST / "gate.yaml", {"diagnosis": {"sizes": [], "complexity": [], "resamples": 0, "folds": 0}})
    for name, files in variants.items():
        (folder / name).mkdir()
        for file, settings in ({"logs": {}} | files).items():
            (folder / name / f"{file}.yaml").write_text(yaml.safe_dump({"extends": FIRST, **settings}))


def _change(file: Path, settings: dict[str, Any]) -> None:
    """Write settings over those that a file has, if it is there."""
    before = yaml.safe_load(file.read_text()) if file.exists() else {}
    file.write_text(yaml.safe_dump({**before, **settings}))


@contextmanager
def living_service(home: Home, deployments: Path, days: int) -> Iterator[Service]:
    """Run everything with these deployments; the service has lived some days and the bundle is uploaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRISE_DEPLOYMENTS", str(deployments))
        patch.setenv("AIRFLOW__REPRISE__RETRY_DELAY_S", "3")
        stop(home, "airflow")  # one that runs already knows other deployments
        supervisor.up(home)
        try:
            with tempfile.TemporaryDirectory() as folder:
                upload_bundle(build_bundle(Path(folder)), LAKE)
            service_life.live_on(home, FIRST, days)
            service = Service(home, deployments)
            for dag in ("retrain", "publish_features", "monitor"):
                service.admin.wait_for_dag(dag)
                service.admin.unpause(dag)
            yield service
        finally:
            stop(home, "airflow")


def stop(home: Home, name: str) -> None:
    """End one service's processes."""
    processes.stop(home, [record for record in processes.records(home) if record.name.startswith(name)])


def wait_until(true: Callable[[], Any], timeout_s: float, what: str, pause_s: float = 0.3) -> Any:
    """Return the first truthy answer; in vain: fail, saying what was awaited."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if answer := true():
            return answer
        time.sleep(pause_s)
    raise AssertionError(f"{what}: not within {timeout_s:.0f} s")


class Service:
    """The running sandbox as its people see it."""

    def __init__(self, home: Home, deployments: Path) -> None:
        self.home, self.deployments = home, deployments
        self.mira, self.admin = (
            AirflowClient(home.url("airflow"), user, home.passwords[user]) for user in ("mira", "admin")
        )
        self.emr, self._s3 = aws_client(home, "emr"), aws_client(home, "s3")

    @property
    def solr(self) -> SolrClient:
        """The core that all deployments share."""
        return connect(CORE)

    @property
    def pointer(self) -> Pointer:
        """All that Solr says of releases."""
        return read_pointer(self.solr)

    @property
    def solr_models(self) -> set[str]:
        """The names of the models in Solr."""
        return {str(model["name"]) for model in self.solr.models()}

    def found(self, query: str, **how: str) -> list[str]:
        """Return the ids of the first page for a query."""
        answer = self.solr.select({"q": query, "rows": 10, "fl": "id", **how}, "/search")
        return [doc["id"] for doc in answer.body["response"]["docs"]]

    def kill_step(self, pattern: str) -> None:
        """Let EMR kill the next step whose name matches, a moment into it."""
        url = f"{self.home.url('emr')}/_faults"
        httpx.post(url, json={"kill_step": pattern, "after_s": 0.5}).raise_for_status()

    def fault_is_pending(self) -> bool:
        """Whether the step to be killed has not come yet."""
        return bool(httpx.get(f"{self.home.url('emr')}/_faults").json()["kill_step"])

    def start(self, deployment: str, families: Sequence[str] = ()) -> Run:
        """Trigger `retrain` with a review, and return it once it has its plan."""
        conf = {"deployment": deployment, "families": list(families), "review": "required", "reason": "a test"}
        return self._trigger("retrain", conf)

    def publish(self, deployment: str, **form: Any) -> Run:
        """Trigger `publish_features`, and return it once it has its plan."""
        return self._trigger("publish_features", {"deployment": deployment, "reason": "a test", **form})

    def look(self, deployment: str) -> tuple[dict[str, Any], str]:
        """Trigger `monitor`; return what its look kept in the lake, and the state of its task `retrain`."""
        run_id = self.mira.trigger("monitor", {"deployment": deployment})
        assert self.mira.wait("monitor", run_id, 120) == "success", self.mira.tasks("monitor", run_id)
        states = {task["task_id"]: task["state"] for task in self.mira.tasks("monitor", run_id)}
        lake = Lake(f"{LAKE}/{deployment}")
        newest = max(key for key in lake.store.list("monitor/") if key != "monitor/drift.json")
        return lake.get_json(newest), states["retrain"]

    def settle(self, deployment: str, file: str, settings: dict[str, Any]) -> None:
        """Change a variant's settings for the runs that come."""
        content = yaml.safe_dump({"extends": FIRST, **settings})
        (self.deployments / deployment / f"{file}.yaml").write_text(content)

    def _trigger(self, dag: str, conf: dict[str, Any]) -> Run:
        return self.triggered(dag, self.mira.trigger(dag, conf))

    def triggered(self, dag: str, run_id: str) -> Run:
        """Return a run that somebody triggered, once it has its plan."""
        planned = wait_until(lambda: self.mira.xcom(dag, run_id, "plan", "planned"), 120, "the plan")
        plan = read_plan(json.loads(planned)["uri"] if isinstance(planned, str) else planned["uri"])
        return Run(self, run_id, plan, dag)

    def copy_days(self, target: str) -> None:
        """Give a variant the first lake's daily tables."""
        self._copy(lambda key: "/dt=" in key or "/day=" in key, {f"{FIRST}/": f"{target}/"})

    def hand_over(self, done: Run, run: Run, tables: Sequence[str]) -> None:
        """Give a run what an earlier one's stages published in these tables."""
        renamed = {
            f"{done.plan.deployment.name}/": f"{run.plan.deployment.name}/",
            f"run={done.plan.run}": f"run={run.plan.run}",
            f"v={done.plan.models_version}": f"v={run.plan.models_version}",
            f'"version": "{done.plan.models_version}"': f'"version": "{run.plan.models_version}"',
        }
        self._copy(lambda key: key.split("/")[1] in tables and f"/run={done.plan.run}/" in key, renamed)

    def _copy(self, wanted: Callable[[str], bool], renamed: dict[str, str]) -> None:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=_BUCKET, Prefix=f"{FIRST}/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", []) if wanted(entry["Key"])]
        for key in sorted(keys, key=lambda key: key.endswith(".json")):  # a manifest after its files
            content = self._s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read()
            for old, new in renamed.items():
                key = key.replace(old, new)
                content = content.replace(old.encode(), new.encode()) if key.endswith(".json") else content
            self._s3.put_object(Bucket=_BUCKET, Key=key, Body=content)


@dataclass(frozen=True)
class Run:
    """One run of `retrain`, or of another graph."""

    service: Service
    id: str
    plan: Plan
    dag: str = "retrain"

    @property
    def lake(self) -> Lake:
        """Its deployment's lake."""
        return self.plan.open_lake()

    @property
    def tasks(self) -> dict[str, list[str]]:
        """Task → the states of its instances."""
        found: dict[str, list[str]] = {}
        for task in self._instances():
            found.setdefault(task["task_id"], []).append(task["state"])
        return found

    @property
    def colour(self) -> str:
        """Green, red, or grey while it runs."""
        state = self.service.mira.run_state(self.dag, self.id)
        return {"success": "green", "failed": "red"}.get(state, "grey")

    @property
    def ending(self) -> str:
        """The word that `finish` recorded."""
        return str(self.record["ending"])

    @property
    def record(self) -> dict[str, Any]:
        """All that `finish` recorded: ending, reason, live, was, note."""
        return dict(self.lake.get_json(f"runs/{self.plan.run}/ending.json"))

    def end(self) -> str:
        """Wait for the end and return the colour."""
        self._wait(lambda: self.colour != "grey", "the end")
        return self.colour

    def wait_for(self, task: str, state: str) -> None:
        """Wait until an instance of a task is in a state; a run that ends before fails."""

        def there() -> bool:
            return state in self.tasks.get(task, [])

        self._wait(lambda: there() or self.colour != "grey", f"{task} {state}")
        assert there(), f"the run ended {self.colour} instead: {self.tasks}"

    def _wait(self, true: Callable[[], bool], what: str, patience_s: float = 600.0) -> None:
        """Wait as long as any task changes its state now and then: a busy machine is no failure."""
        seen, deadline = None, 0.0
        while not true():
            if (states := self.tasks) != seen:
                seen, deadline = states, time.monotonic() + patience_s
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} of {self.id}: nothing has happened for {patience_s:.0f} s ({seen})")
            time.sleep(0.3)

    def wait_for_review(self) -> None:
        """Wait until the question is put."""
        self.wait_for("review", "awaiting_input")

    def answer(self, option: str, comment: str = "") -> None:
        """Answer the review as mira."""
        time.sleep(PARKING_S)
        self.service.mira.answer_review("retrain", self.id, "review", option, comment)

    def clear(self, task: str) -> None:
        """Clear a task with what follows it."""
        self.service.admin.clear(self.dag, self.id, [task])

    def kill(self, task: str) -> None:
        """Kill the process in which a task runs, as a machine that runs out of memory would."""
        (instance,) = [entry for entry in self._instances() if entry["task_id"] == task]
        assert kill_process(instance), f"{task} has no process"

    def closed_clusters(self) -> list[dict[str, Any]]:
        """Wait until every EMR cluster that this run ever had is closed; return their timelines, oldest first."""
        found: list[dict[str, Any]] = []

        def closed() -> bool:
            found[:] = self._clusters()
            return {"TERMINATED"} == {cluster["Status"]["State"] for cluster in found}

        wait_until(closed, 30, f"the clusters of {self.plan.run} to be closed")
        return sorted((cluster["Status"]["Timeline"] for cluster in found), key=lambda times: times["CreationDateTime"])

    def steps(self) -> list[str]:
        """Return the names of all steps that its clusters were ever given."""
        pages = self.service.emr.get_paginator("list_steps")
        return [
            step["Name"]
            for cluster in self._clusters()
            for page in pages.paginate(ClusterId=cluster["Id"])
            for step in page["Steps"]
        ]

    def candidate(self, family: str) -> Any:
        """Return what training wrote of a family."""
        key = f"candidates/v={self.plan.models_version}/{self.plan.partition}/{family}/summary.json"
        return self.lake.get_json(key)

    @property
    def mlflow(self) -> Mlflow:
        """What MLflow has of it."""
        return Mlflow(self.plan)

    def _clusters(self) -> list[dict[str, Any]]:
        name = f"reprise-{self.plan.deployment.name}-{self.plan.run}"
        pages = self.service.emr.get_paginator("list_clusters").paginate()
        return [cluster for page in pages for cluster in page["Clusters"] if cluster["Name"] == name]

    def _instances(self) -> list[dict[str, Any]]:
        return self.service.mira.tasks(self.dag, self.id)


@dataclass(frozen=True)
class Mlflow:
    """One run's records in MLflow, asked anew each time."""

    plan: Plan

    def parents(self) -> list[Any]:
        """Return the runs that stand for the whole lifecycle run."""
        return [run for run in self._runs() if "mlflow.parentRunId" not in run.data.tags]

    def children(self) -> dict[str, list[str]]:
        """Return model → statuses of its runs under the parent."""
        found: dict[str, list[str]] = {}
        for run in self._runs():
            if run.data.tags.get("mlflow.parentRunId") == self.plan.mlflow["run_id"]:
                found.setdefault(run.data.tags["reprise.model"], []).append(run.info.status)
        return found

    def versions(self) -> dict[str, str]:
        """Return version → its model's name in Solr, of the deployment's registered model."""
        with mlflow_client() as client:
            found = client.search_model_versions(f"name = '{experiment_name(self.plan.deployment.name)}'")
            return {str(version.version): version.tags["reprise.solr_model"] for version in found}

    def aliases(self) -> dict[str, str]:
        """Return alias → version."""
        with mlflow_client() as client:
            found = client.get_registered_model(experiment_name(self.plan.deployment.name)).aliases
            return {alias: str(version) for alias, version in found.items()}

    def _runs(self) -> list[Any]:
        with mlflow_client() as client:
            return list(
                client.search_runs([self.plan.mlflow["experiment_id"]], f"tags.`reprise.run` = '{self.plan.run}'")
            )
