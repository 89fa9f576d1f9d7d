"""Operators: open a run's cluster, run one stage as a step on it, close it.

Everything is found again by name, so a retry or a cleared task reattaches where the first attempt left off:
the cluster is ``reprise-<deployment>-<run>``, the step ``<task>[-family]-<run>``.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator

from reprise.errors import EXIT_USAGE, RepriseError, UsageError
from reprise.lifecycle import emr_api
from reprise.lifecycle.cluster import cluster_name, cluster_request, step_logs_uri, step_name, step_request, verdict_uri
from reprise.lifecycle.links import MlflowRunLink, StepLogsLink, push
from reprise.lifecycle.worker import open_plan, plain_failures, planned

if TYPE_CHECKING:
    from airflow.sdk import Context

    from reprise.plan import Plan
    from reprise.settings import Emr
    from reprise.verdict import Verdict


class OpenClusterOperator(BaseOperator):
    """Returns the id of the run's cluster, opened if need be; it does not wait: steps queue while it starts."""

    ui_color = "#e8f0e4"

    def execute(self, context: Context) -> str:
        """Return the cluster's id; two clusters of one run never stand side by side."""
        from reprise.lifecycle.planning import bundle_uri

        with plain_failures():
            plan = open_plan(context)
            return emr_api.open_cluster(cluster_request(plan, bundle_uri(plan.bundle)))


class CloseClusterOperator(BaseOperator):
    """Terminates the run's cluster."""

    ui_color = "#e8f0e4"

    def execute(self, context: Context) -> list[str]:
        """Return the ids of the clusters that were terminated."""
        with plain_failures():
            run = planned(context)
            return emr_api.close_clusters(cluster_name(run.deployment, run.run))


class StepOperator(BaseOperator):
    """Runs one stage command, named like the task, as an EMR step; records it in MLflow once it has ended.

    Returns the stage's verdict. Waits in the triggerer. What the lake holds already is not made again: no step is
    submitted then. One of the same name that is under way or done on the run's cluster is taken over.
    """

    ui_color = "#e4ecf0"
    operator_extra_links = (MlflowRunLink(), StepLogsLink())
    template_fields = ("family",)

    def __init__(self, *, family: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.family = family
        self._step: tuple[str, str] | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what is done already; else submit or reattach, then wait without a worker slot."""
        with plain_failures():
            plan = open_plan(context)
            if done := _finished(plan, self.task_id, self.family):
                return self._record(context, plan, done)
            step_id = self._submit(plan, cluster := self._cluster(context))
            push(context, logs_url=step_logs_uri(plan, cluster, step_id))
        return self._wait(plan.deployment.emr, cluster, step_id)

    def _submit(self, plan: Plan, cluster: str) -> str:
        request = step_request(plan, self.task_id, self.family, _input_rows(plan, self.task_id))
        stale = verdict_uri(plan, request["Name"])
        step_id = emr_api.submit_step(cluster, request, before_submit=lambda: _delete(stale))
        self._step = (cluster, step_id)
        return step_id

    def _wait(self, emr: Emr, cluster: str, step_id: str) -> NoReturn:
        from reprise.lifecycle.trigger import StepTrigger

        now = time.time()
        self.defer(
            trigger=StepTrigger(cluster, step_id, emr.poll_s, now + _booking_s(), now + emr.step_timeout_s),
            method_name="ended",
            kwargs={"cluster": cluster, "step_id": step_id},
        )

    def ended(self, context: Context, event: dict[str, str], cluster: str, step_id: str) -> dict[str, Any]:
        """Return the verdict of a step that completed, or fail with its reason, its remedy and its last lines."""
        with plain_failures():
            plan = open_plan(context)
            verdict = _read_verdict(plan, step_name(self.task_id, plan.run, self.family))
            if event["state"] != "COMPLETED" or verdict is None:
                raise _step_failure(plan, self.task_id, cluster, step_id, event, verdict)
            return self._record(context, plan, verdict)

    def _record(self, context: Context, plan: Plan, verdict: Verdict) -> dict[str, Any]:
        from reprise.lifecycle import recording

        self.log.info("%s answers %s: %s", self.task_id, verdict.answer, verdict.reason)
        push(context, mlflow_url=recording.record_step(plan, self.task_id, self.family))
        return {"answer": verdict.answer, "reason": verdict.reason, "facts": verdict.facts}

    def on_kill(self) -> None:
        """Cancel the step where the task is killed before it waits."""
        if self._step:
            emr_api.cancel_step(*self._step)

    @staticmethod
    def _cluster(context: Context) -> str:
        cluster = context["ti"].xcom_pull(task_ids="open_cluster")
        if not cluster:
            raise RepriseError("this run has no open cluster", "clear the task open_cluster with its downstream")
        return str(cluster)


def _finished(plan: Plan, command: str, family: str | None) -> Verdict | None:
    """Return a stage's answer where the lake holds all that it would make, else None."""
    from reprise.features import behaviour, featurize
    from reprise.judgments import judge
    from reprise.searches import extract
    from reprise.training import evaluate, train

    if family:
        return train.finished(plan, family)
    stages = {"extract": extract, "judge": judge, "featurize": featurize, "evaluate": evaluate}
    stage = {**stages, "behaviour": behaviour}[command]
    return stage.finished(plan)


def _booking_s() -> float:
    """Return how long Airflow may take to book that a task is paused.

    A worker may look only every ``min_heartbeat_interval`` whether its task's process is gone. A task that runs
    again before the scheduler heard of that is taken for lost and retried.
    """
    from airflow.sdk import conf

    return float(conf.getint("workers", "min_heartbeat_interval")) + 1.0


def _delete(uri: str) -> None:
    from reprise.objects import ObjectStore

    folder, _, name = uri.rpartition("/")
    ObjectStore(folder).delete([name])


def _read_verdict(plan: Plan, step: str) -> Verdict | None:
    from reprise.verdict import Verdict

    content = plan.open_lake().store.get(f"runs/{plan.run}/verdicts/{step}.json")
    return Verdict.from_json(content) if content else None


def _step_failure(
    plan: Plan, task: str, cluster: str, step_id: str, event: dict[str, str], verdict: Verdict | None
) -> RepriseError:
    """Return the one message: what the stage said, else what EMR said; the remedy; the last lines of stderr."""
    logs = step_logs_uri(plan, cluster, step_id)
    said = verdict.reason if verdict else event["reason"] or "it wrote no verdict"
    problem = f"step {task} ({step_id} on {cluster}) is {event['state']}: {said}"
    tail = emr_api.log_tail(event.get("log") or f"{logs}/stderr.gz")
    remedy = (verdict.remedy if verdict else "") or f"read the logs at {logs}, then clear this task"
    # Wrong input fails again however often it is tried.
    kind = UsageError if verdict and verdict.facts.get("exit_code") == EXIT_USAGE else RepriseError
    return kind(problem, remedy + (f"\nlast lines of its log:\n{tail}" if tail else ""))


#: The tables whose rows a stage holds at once, with how their version is found in the plan.
_INPUTS = {
    "judge": ("query_item_stats", "logs_version"),
    "behaviour": ("item_stats", "logs_version"),
    "featurize": ("judgments", "judgments_version"),
    "train": ("training_set", "training_version"),
    "evaluate": ("training_set", "training_version"),
}


def _input_rows(plan: Plan, command: str) -> int:
    """Return how many rows a stage's inputs hold, by their manifests; 0 where they are raw logs."""
    if command not in _INPUTS:
        return 0
    table, version = _INPUTS[command]
    wanted = {f"dt={day}" for day in plan.days} | {plan.partition}
    published = plan.open_lake().partitions(table, getattr(plan, version))
    return sum(manifest.rows_of(table) for partition, manifest in published.items() if partition in wanted)
