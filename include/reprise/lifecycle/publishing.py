"""The bodies of `publish_features`: what is to be published, and the writing of it under watch."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from reprise.connections import connection
from reprise.lifecycle.links import push
from reprise.lifecycle.lock import lake_lock
from reprise.lifecycle.planning import identity, planned_once, uploaded_bundle, window
from reprise.lifecycle.records import Planned
from reprise.lifecycle.worker import open_plan
from reprise.plan import Plan
from reprise.settings import Deployment, load_deployment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)
#: Searches that Solr is watched with: the most frequent of the day.
_WATCHED = 200


def plan_publish(context: Context) -> Planned:
    """Write the plan of a publish: the day, and the fields that releases read; skip where they read none."""
    from reprise.searches.calendar import closed_days

    run, lake = identity(context)

    def new() -> Plan:
        params = context["params"]
        deployment = load_deployment(str(params["deployment"]))
        urls, serving = _served(deployment, lake)
        if not serving:
            raise AirflowSkipException("no live, previous or staged release reads behaviour: nothing to publish")
        longest = max(int(one["days"]) for one in serving.values())
        return Plan(
            run=run,
            deployment=deployment,
            lake=lake,
            days=window(closed_days(deployment), params["day"], longest),
            blocks=[],
            families=[],
            solr_urls=urls,
            bundle=uploaded_bundle(),
            reason=str(params["reason"] or ""),
            serving=serving,
        )

    return planned_once(context, run, lake, new)


def publish(context: Context) -> dict[str, Any]:
    """Make Solr serve the plan's day, unless its values are out of band; what searches noticed is kept in the lake."""
    from reprise.features import publish
    from reprise.solr.client import SolrClient

    plan = open_plan(context)
    solr, lake = plan.deployment.solr, plan.open_lake()
    with (
        SolrClient(plan.solr_urls, solr.core, id_field=solr.request.id_field) as client,
        lake_lock(connection("lake").uri, f"solr-{solr.core}", f"run {plan.run}"),
    ):
        push(context, solr_url=f"{client.address()}/select")
        verdict = publish.run(
            client,
            plan,
            checked=not context["params"]["unchecked"],
            meanwhile=lambda: _watch(client, plan),
        )
    said = {"answer": verdict.answer, "reason": verdict.reason, **verdict.facts}
    lake.put_json(f"runs/{plan.run}/published.json", said)
    log.info("%s: %s; %s", verdict.answer, verdict.reason, verdict.facts)
    return {"published": verdict.answer == "yes", "reason": verdict.reason, "facts": verdict.facts}


def _served(deployment: Deployment, lake: str) -> tuple[list[str], dict[str, dict[str, Any]]]:
    """Return Solr's replicas, and field → definition of what has to be kept up to date there."""
    from reprise.features.catalogue import behaviour_features, behaviour_field
    from reprise.features.publish import definitions
    from reprise.lake import Lake
    from reprise.release.served import served_fields
    from reprise.solr.client import connect

    with connect(deployment.solr.core) as client:
        fields, urls = served_fields(client), client.nodes
    known = {behaviour_field(one): one.model_dump(mode="json") for one in behaviour_features(deployment.solr)}
    kept = definitions(Lake(lake), [name for name in fields if name not in known])
    return urls, {name: known.get(name) or kept[name] for name in fields}


def _watch(client: SolrClient, plan: Plan) -> AbstractContextManager[Mapping[str, Any]]:
    """Return a watch with the day's most frequent searches, as the application sends them."""
    from reprise.release.recorded import frequent
    from reprise.solr.watch import watched

    solr = plan.deployment.solr
    texts = frequent(plan.deployment, plan.open_lake(), plan.as_of, _WATCHED)
    searches = [{"q": text, "useParams": "reprise_live", "rows": solr.request.rows} for text in texts]
    return watched(client, searches, solr.request.handler, solr.publish.searches_per_second)
