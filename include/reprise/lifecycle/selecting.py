"""The body of `select_features`: a finished retrain's training set, looked at once more."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from reprise import tracking
from reprise.connections import connection
from reprise.errors import MissingDataError
from reprise.lifecycle import recording
from reprise.lifecycle.links import push
from reprise.objects import ObjectStore
from reprise.plan import Plan

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def select(context: Context) -> dict[str, Any]:
    """Write the selection of a run into the lake and its MLflow run, and adopt it where the form says so."""
    from reprise.selection.select import run
    from reprise.solr.client import SolrClient

    params = context["params"]
    plan = newest_trained(f"{connection('lake').uri}/{params['deployment']}", params["run"])
    solr = plan.deployment.solr
    with SolrClient(plan.solr_urls, solr.core, id_field=solr.request.id_field) as client:
        verdict = run(plan, client, adopt=bool(params["adopt"]))
    recording.record_report(plan, "selection", verdict.answer, verdict.reason)
    push(context, mlflow_url=tracking.run_url(plan.mlflow))
    log.info("%s; left out: %s", verdict.reason, verdict.facts["left_out"])
    return {"reason": verdict.reason, "facts": verdict.facts}


def newest_trained(lake: str, run: str | None) -> Plan:
    """Return the plan of a run, by default of the newest by its days, that has a training set."""
    store = ObjectStore(lake)
    plans = [Plan.from_json(store.get(key) or b"") for key in store.list("runs/") if key.endswith("/plan.json")]
    trained = [
        plan
        for plan in plans
        if plan.blocks and plan.open_lake().published("training_set", plan.training_version, plan.partition)
    ]
    found = [plan for plan in trained if run in (None, plan.run)]
    if not found:
        known = ", ".join(sorted(plan.run for plan in trained)) or "none yet"
        raise MissingDataError(
            f"there is no training set of {f'run {run}' if run else 'any run'} in {lake}",
            f"run `retrain` first, or choose one of: {known}",
        )
    return max(found, key=lambda plan: (plan.as_of, plan.run))
