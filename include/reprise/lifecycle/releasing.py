"""From the gate's answer to what is live: the bodies of gate, reject, upload, verify, promote and rollback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from reprise import tracking
from reprise.connections import connection
from reprise.errors import MissingDataError, RepriseError, SupersededError
from reprise.lifecycle import recording
from reprise.lifecycle.links import push
from reprise.lifecycle.live import Live, what_is_live
from reprise.lifecycle.lock import Held, lake_lock
from reprise.lifecycle.notices import tell
from reprise.lifecycle.question import report_now
from reprise.lifecycle.records import ANSWER, Answer, report_digest
from reprise.lifecycle.worker import find_planned, open_plan, planned
from reprise.pages import finite
from reprise.settings import load_deployment
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from airflow.sdk import Context

    from reprise.gate.report import Report
    from reprise.plan import Plan
    from reprise.release import Candidate
    from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)


def check_logs(context: Context) -> bool:
    """Return whether the logs are healthy enough to learn from; kept as ``verdict``, the figures also in MLflow."""
    from reprise.searches.check_logs import run

    plan = open_plan(context)
    # Of days that are served already only the newest has a say; a day that was bad would stand in the way for weeks.
    verdict = run(replace(plan, days=plan.days[-1:]) if plan.serving else plan)
    _keep(context, plan, verdict)
    recording.record_report(plan, "logs", verdict.answer, verdict.reason)
    return verdict.answer == "yes"


def gate(context: Context) -> bool:
    """Return whether one candidate is proven; the verdict is kept under ``verdict``, the report in MLflow."""
    from reprise.gate.decide import run
    from reprise.gate.explained import explain
    from reprise.gate.report import load_report

    plan = open_plan(context)
    verdict = run(plan)
    family = str(verdict.facts["family"])
    pages = explain(plan, family)
    recording.record_report(plan, "model_choice", family, pages["model_choice"])
    _keep(context, plan, replace(verdict, facts={**verdict.facts, "pages": pages}))
    _show_checks(context, load_report(plan.open_lake(), plan.run))
    recording.record_report(plan, "gate", verdict.answer, verdict.reason)
    return verdict.answer == "yes"


def reject(context: Context) -> dict[str, Any]:
    """Return why no candidate went on: ``refused`` by a check, or ``inconclusive``."""
    verdict = _kept(context, "gate")
    push(context, mlflow_url=planned(context).mlflow_url)
    ending = "refused" if verdict["answer"] == "no" else "inconclusive"
    log.info("%s: %s", ending, verdict["reason"])
    return {"ending": ending, "reason": verdict["reason"], "page": verdict["facts"].get("page", "")}


def upload(context: Context) -> dict[str, Any]:
    """Fill the candidate's behaviour fields, put it in Solr, register it; repeated, it changes nothing.

    A field that `publish_features` has brought to a later day meanwhile is left as it is.
    """
    from reprise import release
    from reprise.features import publish
    from reprise.release.staged import stage

    plan = open_plan(context)
    candidate = _candidate(context, plan)
    fields = publish.not_newer(plan.open_lake(), candidate.behaviour_fields, plan.as_of)
    with _solr(plan) as client, _lock(plan.deployment.solr.core, plan.run) as held:
        filled = publish.run(client, plan, fields, checked=False)
        stage(connection("lake").uri, client.core, candidate.model, plan.run)
        solr = plan.deployment.solr
        uploaded = release.upload(
            client, candidate, solr.max_model_bytes, solr.serving.max_file_bytes, nullcontext(held)
        )
        address = f"{client.address()}/schema/model-store"
    log.info("behaviour: %s; %s", filled.reason, filled.facts)
    version = tracking.register(plan, candidate)
    push(context, solr_url=address, mlflow_url=tracking.run_url(plan.mlflow))
    return {**asdict(uploaded), "version": version}


def verify(context: Context) -> bool:
    """Complete the gate report with what only Solr can measure; return whether the candidate is proven.

    The completed report's answer is kept as ``verdict``, with the digest by which the approval will name the report.
    """
    from reprise import release
    from reprise.gate.report import add_verification, load_report, save_report
    from reprise.lifecycle.asking import further_checks
    from reprise.lifecycle.probing import probes

    plan = open_plan(context)
    candidate, lake = _candidate(context, plan), plan.open_lake()
    with _solr(plan) as client:
        asked = probes(plan, candidate)
        verification = release.verify(client, candidate, asked, plan.deployment.solr.request)
        further = further_checks(client, plan, candidate, [str(probe.params["q"]) for probe in asked])
        push(context, solr_url=f"{client.address()}/schema/model-store")
    policy = plan.deployment.gate.policy
    report = add_verification(load_report(lake, plan.run), verification.to_dict(), policy, further)
    addresses = save_report(report, lake)
    recording.record_report(plan, "gate", report.answer, report.reason)
    facts = {
        "pairs": verification.pairs,
        "report": report_digest(report.to_json().encode()),
        "page": addresses["report.html"],
    }
    _show_checks(context, report)
    _keep(context, plan, Verdict(report.answer, report.reason, facts=facts))
    return report.answer == "yes"


def promote(context: Context) -> dict[str, Any]:
    """Make the candidate live if the world, and the report, are still those that were approved; then the mirrors."""
    from reprise import release

    plan = open_plan(context)
    ti, candidate = context["ti"], _candidate(context, plan)
    answer = Answer(**ti.xcom_pull(task_ids="review", key=ANSWER))
    approval = release.Approval(answer.by, answer.at, answer.report)
    with _solr(plan) as client:
        push(context, solr_url=f"{client.address()}/config/params", mlflow_url=planned(context).mlflow_url)
        try:
            _require_seen(plan, answer)
            released = release.promote(
                client, candidate, int(plan.champion["number"]), approval, _lock(client.core, plan.run)
            )
        except SupersededError as error:
            log.info("superseded: %s", error)
            return {"superseded": True, "reason": str(error), "release": int(plan.champion["number"])}
        behind = _mirror_behind(plan.lake, plan.deployment.name, client)
    return {
        "superseded": False,
        "reason": f"release {released.number} ({released.model}) is live, approved by {answer.by}",
        "release": released.number,
        "behind": behind,
    }


def _require_seen(plan: Plan, answer: Answer) -> None:
    if (now := report_now(plan)) != answer.report:
        raise SupersededError(
            f"{answer.by} approved the report {answer.report}, but the run's report is {now} now",
            "start a new run: Airflow would show the old question again",
        )


def mirror(context: Context) -> None:
    """Let the mirrors say what Solr serves, where `promote` could not: the lake's copy, and MLflow's aliases."""
    plan = open_plan(context)
    with _solr(plan) as client:
        _mirror(plan.lake, plan.deployment.name, client)


def live_at_the_end(plan: Plan) -> Live:
    """Return what the plan's Solr serves now; a plan without Solr asks nothing."""
    if not plan.solr_urls:
        return Live(None)
    with _solr(plan) as client:
        return what_is_live(client)


def _mirror_behind(lake: str, deployment: str, client: SolrClient) -> str:
    """Move the mirrors; return why they are behind, if they are: the release is live all the same."""
    try:
        _mirror(lake, deployment, client)
    except RepriseError as error:
        log.warning("the release is live, but its mirrors are behind: %s", error)
        return str(error)
    return ""


def rollback(context: Context) -> dict[str, Any]:
    """Put an earlier release back; needs Solr alone, then moves the mirrors."""
    from reprise import release
    from reprise.solr.client import connect

    params = context["params"]
    deployment = load_deployment(str(params["deployment"]))
    by = str(getattr(context["dag_run"], "triggering_user_name", None) or "airflow")
    with connect(deployment.solr.core) as client:
        rolled = release.rollback(client, params["to_release"], reason=str(params["reason"] or ""), by=by)
        now = rolled.release
        log.info("release %d (%s) is live; not confirmed: %s", now.number, now.model, rolled.unconfirmed or "none")
        push(context, solr_url=f"{client.address()}/config/params")
        behind = _mirror_behind(f"{connection('lake').uri}/{deployment.name}", deployment.name, client)
    tell(f"Reprise {deployment.name}: release {now.number} was put back by {by}", str(params["reason"] or ""))
    return {"release": now.number, "model": now.model, "by": by, "unconfirmed": rolled.unconfirmed, "behind": behind}


def prune(context: Context) -> None:
    """Take what this run put into Solr out again, and the models of releases beyond those that are kept."""
    from reprise import release
    from reprise.release.staged import staged, unstage

    if find_planned(context) is None:
        return
    plan = open_plan(context)
    if not plan.solr_urls:
        return
    with _solr(plan) as client:
        root, last = connection("lake").uri, plan.deployment.solr.serving.keep_releases
        unstage(root, client.core, plan.run)
        gone = release.prune(client, staged(root, client.core), last, _lock(client.core, plan.run))
    log.info("pruned %s", gone or "nothing")


def _mirror(lake: str, deployment: str, client: SolrClient) -> None:
    """Copy the record of releases to the lake and move MLflow's aliases."""
    from reprise.lake import Lake
    from reprise.release import status
    from reprise.release.mirrors import copy_record

    found = status(client)
    copy_record(found, Lake(lake))
    recording.mirror(deployment, found.live, found.previous)


def _candidate(context: Context, plan: Plan) -> Candidate:
    """Return the candidate that the gate chose, as training wrote it."""
    from reprise.release import Candidate

    family = str(_kept(context, "gate")["facts"]["family"])
    key = f"candidates/v={plan.models_version}/{plan.partition}/{family}/candidate.json"
    content = plan.open_lake().get_json(key)
    if content is None:
        raise MissingDataError(f"there is no candidate at {plan.lake}/{key}", "clear the task train")
    return Candidate.from_dict(content)


def _keep(context: Context, plan: Plan, verdict: Verdict) -> None:
    content = {"answer": verdict.answer, "reason": verdict.reason, "facts": verdict.facts}
    log.info("%s: %s", verdict.answer, verdict.reason)
    context["ti"].xcom_push(key="verdict", value=content)
    push(context, mlflow_url=tracking.run_url(plan.mlflow))


def _show_checks(context: Context, report: Report) -> None:
    """Put the gate's table into the task's log, and as XCom ``checks``, a row per check."""
    for check in report.checks:
        log.info("%s: %s %s", check.outcome, check.question, check.reason)
    shown = ("name", "question", "outcome", "effect", "lower", "upper", "threshold", "reason")
    rows = [{name: getattr(check, name) for name in shown} for check in report.checks]
    context["ti"].xcom_push(key="checks", value=finite(rows))


def _kept(context: Context, task: str) -> dict[str, Any]:
    verdict = context["ti"].xcom_pull(task_ids=task, key="verdict")
    if not verdict:
        raise RepriseError(f"the task {task} left no verdict", f"clear {task} with its downstream")
    return dict(verdict)


@contextmanager
def _solr(plan: Plan) -> Iterator[SolrClient]:
    """Open the plan's replicas: those that the champion was read from."""
    from reprise.solr.client import SolrClient

    solr = plan.deployment.solr
    with SolrClient(plan.solr_urls, solr.core, id_field=solr.request.id_field) as client:
        yield client


def _lock(core: str, run: str) -> AbstractContextManager[Held]:
    """Return the lock on a core's stores and pointer: deployments may share a Solr, so it lies above them."""
    return lake_lock(connection("lake").uri, f"solr-{core}", f"run {run}")
