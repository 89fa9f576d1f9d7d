"""What one run will do, resolved once: days, blocks, champion, definitions, code. Later tasks read only the plan."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reprise import tracking
from reprise.connections import connection
from reprise.errors import MissingDataError, UsageError
from reprise.lifecycle import recording
from reprise.lifecycle.policy import MAX_REVIEW
from reprise.lifecycle.records import Planned
from reprise.lifecycle.worker import run_digest
from reprise.objects import ObjectStore
from reprise.plan import Plan, lay_blocks
from reprise.settings import Deployment, load_deployment

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def plan_retrain(context: Context) -> Planned:
    """Write the plan of a retrain and return what later tasks need to find it.

    A run that has a plan keeps it: a retried or cleared `plan` reads what the first attempt decided.
    """
    params = context["params"]
    run, lake = identity(context)
    plan = _existing(lake, run)
    if plan is None:
        plan = _new_retrain_plan(context, params, run, lake)
        uri = plan.save()
        log.info("planned %s: %d days to %s, families %s", uri, len(plan.days), plan.as_of, plan.families)
    else:
        log.info("run %s has a plan already: it is kept", run)
        tracking.reopen_run(plan.mlflow)
    return _planned(plan, tracking.run_url(plan.mlflow))


def plan_extract(context: Context) -> Planned:
    """Write the plan of an extract and return what later tasks need to find it."""
    from reprise.searches.calendar import closed_days

    run, lake = identity(context)

    def new() -> Plan:
        params = context["params"]
        deployment = load_deployment(str(params["deployment"]))
        return Plan(
            run=run,
            deployment=deployment,
            lake=lake,
            days=between(closed_days(deployment), params["from"], params["to"], deployment.logs.lookback_days),
            blocks=[],
            families=[],
            solr_urls=[],
            bundle=uploaded_bundle(),
        )

    return planned_once(context, run, lake, new)


def planned_once(context: Context, run: str, lake: str, new: Callable[[], Plan]) -> Planned:
    """Return what later tasks need to find a run's plan; one that it has already is kept, else ``new`` makes it."""
    plan = _existing(lake, run)
    if plan is None:
        plan = replace(new(), airflow=_airflow(context))
        plan.save()
    return _planned(plan, "")


def bundle_uri(digest: str) -> str:
    """Return where a bundle lies in the lake."""
    return f"{connection('lake').uri}/bundles/{digest}"


def window(closed: list[str], as_of: str | None, window_days: int) -> list[str]:
    """Return the closed days that a run reads: the last ``window_days`` up to ``as_of`` (default: the newest)."""
    if not closed:
        raise MissingDataError(
            "no day is closed yet: a day is, once the next one has logs in every source",
            "wait for more logs, or check `uris` in logs.yaml with `reprise check`",
        )
    if as_of and as_of not in closed:
        raise UsageError(f"{as_of} is not a closed day", f"choose one from {closed[0]} to {closed[-1]}")
    return [day for day in closed if not as_of or day <= as_of][-window_days:]


def between(closed: list[str], first: str | None, last: str | None, lookback_days: int) -> list[str]:
    """Return the closed days from first to last; without first, the last ``lookback_days`` of them."""
    if first and last and first > last:
        raise UsageError(f"from {first} is after to {last}", "swap them")
    days = [day for day in closed if (not first or day >= first) and (not last or day <= last)]
    if not days:
        there = f"the closed days are {closed[0]} to {closed[-1]}" if closed else "no day is closed yet"
        raise MissingDataError(f"no closed day from {first or 'the start'} to {last or 'now'}", there)
    return days if first else days[-lookback_days:]


def _new_retrain_plan(context: Context, params: Mapping[str, Any], run: str, lake: str) -> Plan:
    from reprise.features.catalogue import request_parameters, store_entries
    from reprise.searches.calendar import closed_days

    deployment = _with_features(load_deployment(str(params["deployment"])), lake)
    check_review(deployment, str(params["review"]))
    request_parameters(deployment.solr, store_entries(deployment.solr), {})  # before hours of steps, not after
    days = window(closed_days(deployment), params["as_of"], params["window_days"] or deployment.logs.lookback_days)
    blocks = lay_blocks(days, deployment.gate.blocks)
    bundle = uploaded_bundle()
    urls, champion = _champion(deployment)
    airflow = _airflow(context)
    families = [str(family) for family in params["families"] or deployment.gate.families]
    ObjectStore(lake).put(f"runs/{run}/champion.json", _json(champion))
    draft = Plan(
        run=run,
        deployment=deployment,
        lake=lake,
        days=days,
        blocks=blocks,
        families=list(dict.fromkeys(families)),
        solr_urls=urls,
        champion=champion["release"],
        bundle=bundle,
        review="required" if params["review"] == "required" else "policy",
        reason=str(params["reason"] or ""),
        airflow=airflow,
    )
    return recording.with_run(draft)


def _with_features(deployment: Deployment, lake: str) -> Deployment:
    """Return the deployment with what `selected` means now, so that a cleared task learns from the same."""
    if deployment.gate.features != "selected":
        return deployment
    from reprise.lake import Lake
    from reprise.selection.select import selected

    names = selected(Lake(lake), [feature.name for feature in deployment.solr.features])
    return deployment.model_copy(update={"gate": deployment.gate.model_copy(update={"features": names})})


def identity(context: Context) -> tuple[str, str]:
    """Return the run's short name, and the lake of its deployment."""
    ti = context["ti"]
    return run_digest(ti.dag_id, ti.run_id), f"{connection('lake').uri}/{context['params']['deployment']}"


def _existing(lake: str, run: str) -> Plan | None:
    content = ObjectStore(lake).get(f"runs/{run}/plan.json")
    return Plan.from_json(content) if content else None


def _planned(plan: Plan, mlflow_url: str) -> Planned:
    from reprise.lifecycle.cluster import plan_uri

    return Planned(plan.run, plan_uri(plan), plan.deployment.name, plan.families, mlflow_url)


def check_review(deployment: Deployment, asked: str) -> None:
    """Refuse a run whose review nobody may give, or may take longer to give than a run may take."""
    review = deployment.gate.review
    if (asked == "required" or review.required) and not review.reviewers:  # to Airflow, nobody named means anybody
        raise UsageError(
            "this run requires a review, but nobody may give it",
            "name reviewers in gate.yaml: review.reviewers; or set review.required to false and ask for none",
        )
    longest = MAX_REVIEW.total_seconds() / 3600
    if review.timeout_hours > longest:
        raise UsageError(
            f"review.timeout_hours is {review.timeout_hours:g}, longer than a run may take",
            f"set it to at most {longest:g} in gate.yaml",
        )


def uploaded_bundle() -> str:
    """Return the digest of the installed code; refuse where EMR would run another, or none."""
    from reprise.bundle import installed_digest

    digest = installed_digest()
    if "bootstrap.sh" not in ObjectStore(bundle_uri(digest)).list():
        raise UsageError(
            f"the lake has no bundle of the installed code (digest {digest})", "run `reprise bundle --upload`"
        )
    return digest


def _champion(deployment: Deployment) -> tuple[list[str], dict[str, Any]]:
    """Return Solr's replicas, and what is live there with its model and features."""
    from reprise import release
    from reprise.solr.client import connect

    with connect(deployment.solr.core) as client:
        release.ensure_release_zero(client, deployment.solr.request)
        return client.nodes, release.champion(client)


def _airflow(context: Context) -> dict[str, str]:
    from airflow.sdk import conf

    ti = context["ti"]
    base = str(conf.get("api", "base_url", fallback="") or "").rstrip("/")
    return {"dag_id": ti.dag_id, "run_id": ti.run_id, "url": f"{base}/dags/{ti.dag_id}/runs/{ti.run_id}"}


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode()
