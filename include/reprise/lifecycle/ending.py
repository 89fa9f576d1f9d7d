"""How a run ends: its word and its record; no cluster left, no unapproved model in Solr, no MLflow run open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from reprise.errors import RepriseError, ServiceError
from reprise.lifecycle.links import MlflowRunLink, push
from reprise.lifecycle.live import in_words
from reprise.lifecycle.notices import tell
from reprise.lifecycle.records import ANSWER, Answer, Ending
from reprise.lifecycle.worker import find_planned, open_plan, plain_failures, run_digest

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ended:
    """A run's end: the word, why, and the release that is live now and the one that was when the run was planned.

    ``live`` is None where no Solr was asked or Solr does not say. ``note``: what is not as it should be, such as a
    replica that differs or does not answer. ``answer``: what the review, if any, was answered; ``compared``: how many
    comparisons of lists the candidate won, what was live, and neither.
    """

    ending: Ending
    reason: str = ""
    live: int | None = None
    was: int | None = None
    note: str = ""
    answer: dict[str, Any] | None = None
    compared: dict[str, int] = field(default_factory=dict)


class FinishOperator(BaseOperator):
    """Ends the run, whatever happened before; then fails if any task failed.

    It alone decides the run's colour. Airflow looks at the last tasks that count; a teardown that may fail the run
    is such a task and hides those before it, so that a crash would end green behind a `finish` that went well.
    """

    ui_color = "#e8f0e4"
    operator_extra_links = (MlflowRunLink(),)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the ending; fail where a task of the run has failed."""
        with plain_failures():
            ended = self.finish(context)
        if broken := broken_tasks(context):
            live = in_words(ended.get("live"), ended.get("was"), str(ended.get("note", "")))
            said = "; ".join(part for part in (f"failed in {', '.join(broken)}", live) if part)
            raise AirflowFailException(f"{said} → read that task's log, then clear it")
        return ended

    def finish(self, context: Context) -> dict[str, Any]:
        """Do what is to be done at the end of a run, and return its ending."""
        return finish(context)


def task_states(context: Context) -> dict[str, str]:
    """Return the state of every task of this run."""
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return {task: str(state) for task, state in states.items()}


def broken_tasks(context: Context) -> list[str]:
    """Return the tasks of this run that failed (not those behind them), sorted."""
    return sorted(task for task, state in task_states(context).items() if state == "failed")


def finish(context: Context) -> dict[str, Any]:
    """Close, prune, record; every duty is tried before the first failure is raised."""
    ended = how_it_ended(context)
    duties: list[Callable[[Context, Ended], None]] = [_close_clusters]
    if planned := find_planned(context):
        push(context, mlflow_url=planned.mlflow_url)
        ended = _with_live(context, _with_review(context, ended))
        duties += [_prune, _mirror, _record, _end_mlflow, _tell]
    failures = [failure for duty in duties if (failure := _attempt(duty, context, ended))]
    if failures:
        raise ServiceError("; ".join(failures), "mend that, then clear finish")
    log.info("%s: %s; %s", ended.ending, ended.reason, in_words(ended.live, ended.was, ended.note))
    return asdict(ended)


def how_it_ended(context: Context) -> Ended:
    """Return the run's ending, from what its tasks handed on this time.

    A task that was cleared and is now skipped still has what it handed on before: only successful ones are asked.
    """
    if broken := broken_tasks(context):
        return Ended("failed", f"failed in {', '.join(broken)}")
    states = task_states(context)
    done = {task for task, state in states.items() if state == "success"}

    def said(task: str, key: str = "return_value") -> Any:
        return context["ti"].xcom_pull(task_ids=task, key=key) if task in done else None

    if promoted := said("promote"):
        return Ended("superseded" if promoted["superseded"] else "promoted", promoted["reason"])
    if refused := said("reject"):
        return Ended(refused["ending"], refused["reason"])
    if (proof := said("verify", "verdict")) and proof["answer"] != "yes":
        return Ended("refused" if proof["answer"] == "no" else "inconclusive", proof["reason"])
    if review := said("review", ANSWER):
        answer = Answer(**review)
        if answer.expired:
            return Ended("expired", "nobody responded in time")
        return Ended("rejected", f"{answer.by}: {answer.comment}")
    if published := said("publish"):
        return Ended("published" if published["published"] else "held back", published["reason"])
    if (logs := said("check_logs", "verdict")) and logs["answer"] != "yes":
        return Ended("bad logs", logs["reason"])
    if states.get("plan") == "skipped":
        return Ended("nothing to do", "no release reads behaviour")
    return Ended("extracted")


def _attempt(duty: Callable[[Context, Ended], None], context: Context, ended: Ended) -> str:
    try:
        duty(context, ended)
    except RepriseError as error:
        return str(error)
    return ""


def _close_clusters(context: Context, ended: Ended) -> None:
    """Terminate whatever carries the run's name: a crash right after RunJobFlow leaves a cluster nobody closes."""
    from reprise.lifecycle import emr_api
    from reprise.lifecycle.cluster import cluster_name

    ti = context["ti"]
    deployment = str(context["params"]["deployment"])
    emr_api.close_clusters(cluster_name(deployment, run_digest(ti.dag_id, ti.run_id)))


def _with_review(context: Context, ended: Ended) -> Ended:
    """Return the ending with what reviewers answered, and which lists they preferred."""
    from reprise.experts.preferences import tally

    answered = replace(ended, answer=context["ti"].xcom_pull(task_ids="review", key=ANSWER))
    try:
        plan = open_plan(context)
        won = tally(plan.open_lake(), plan.run)
    except RepriseError:  # the record, which needs the lake too, will say so
        return answered
    return replace(answered, compared={str(ranker): number for ranker, number in won.items()})


def _with_live(context: Context, ended: Ended) -> Ended:
    """Return the ending with what Solr serves now, and what it served when the run was planned."""
    from reprise.lifecycle.releasing import live_at_the_end

    try:
        plan = open_plan(context)
        live = live_at_the_end(plan)
    except RepriseError as error:
        return replace(ended, note=str(error))
    was = int(plan.champion["number"]) if plan.champion else None
    return replace(ended, live=live.number, was=was, note=live.note)


def _prune(context: Context, ended: Ended) -> None:
    """Take out of Solr what no release needs; after a crash the candidate stays, so that clearing goes on from it."""
    from reprise.lifecycle.releasing import prune

    if ended.ending != "failed" and task_states(context).get("upload") == "success":
        prune(context)


def _mirror(context: Context, ended: Ended) -> None:
    """Move the mirrors where `promote` found one of them down; the release has been live all along."""
    from reprise.lifecycle.releasing import mirror

    promoted = context["ti"].xcom_pull(task_ids="promote") if ended.ending == "promoted" else None
    if promoted and promoted.get("behind"):
        mirror(context)


def _record(context: Context, ended: Ended) -> None:
    """Write how the run ended beside its plan."""
    plan = open_plan(context)
    plan.open_lake().put_json(f"runs/{plan.run}/ending.json", asdict(ended))


def _tell(context: Context, ended: Ended) -> None:
    """Tell people outside how a retrain ended; what extracts and publishes run daily is in Airflow."""
    plan = open_plan(context)
    if plan.families:
        text = f"{ended.reason}\n{in_words(ended.live, ended.was, ended.note)}\n{plan.airflow.get('url', '')}"
        tell(f"Reprise {plan.deployment.name}: the retrain of {plan.as_of} ended {ended.ending}", text)


def _end_mlflow(context: Context, ended: Ended) -> None:
    from reprise.lifecycle.recording import end_run

    answer = Answer(**ended.answer) if ended.answer else None
    end_run(open_plan(context).mlflow, ended.ending, ended.reason, answer, ended.compared, ended.live, ended.was)
