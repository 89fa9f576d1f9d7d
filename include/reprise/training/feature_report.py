"""The feature report of a run: made where the training set is in memory, kept beside the run in the lake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reprise.features.health import Health, Histogram, Part, examine
from reprise.features.health_page import to_html
from reprise.metrics import consumption_ndcg
from reprise.training.data import rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from reprise.plan import Plan


def write(plan: Plan, table: pa.Table, names: Sequence[str], ceiling: Mapping[str, Any]) -> list[str]:
    """Write ``runs/<run>/features/``: ``health.json`` and ``ceiling.json``, and ``health.html`` that shows both.

    Return the features that are suspected to leak.
    """
    import pyarrow.compute as pc

    parts = {}
    for role in ("train", "validation", "test"):
        rows = rows_of(table.filter(pc.equal(table["role"], role)), names)
        parts[role] = Part(rows.vectors, rows.codes, rows.g, rows.traffic)
    lake = plan.open_lake()
    known = {feature.name: feature.default for feature in plan.deployment.solr.features}
    last = _last(plan)
    health = examine(
        names, parts["train"], parts["validation"], parts["test"], defaults=known, last=last[1] if last else None
    )
    limit = plan.deployment.gate.policy.max_single_feature_auc
    store, folder = lake.store, f"runs/{plan.run}/features"
    store.put(f"{folder}/health.json", json.dumps(health.to_dict(), indent=1, ensure_ascii=False).encode())
    store.put(f"{folder}/ceiling.json", json.dumps(ceiling, indent=1, ensure_ascii=False).encode())
    page = _page(plan, health, parts, limit, ceiling, last[0] if last else "")
    store.put(f"{folder}/health.html", page.encode())
    return [one.name for one in health.suspects(limit)]


def _last(plan: Plan) -> tuple[str, dict[str, Histogram]] | None:
    """Return the newest run before this one whose features were looked at, and their histograms."""
    lake = plan.open_lake()
    runs = [key.split("/")[1] for key in lake.store.list("runs/") if key.endswith("/features/health.json")]
    plans = [lake.get_json(f"runs/{run}/plan.json") or {} for run in runs if run != plan.run]
    before = [one for one in plans if one.get("days") and one["days"][-1] < plan.as_of]
    if not before:
        return None
    newest = max(before, key=lambda one: (one["days"][-1], one["run"]))["run"]
    found = lake.get_json(f"runs/{newest}/features/health.json")["features"]
    return newest, {
        one["name"]: Histogram(*(tuple(one["histogram"][part]) for part in ("edges", "rows", "good")))
        for one in found
        if one.get("histogram")
    }


def _page(
    plan: Plan, health: Health, parts: dict[str, Part], limit: float, ceiling: Mapping[str, Any], last: str
) -> str:
    meanings = {feature.name: feature.meaning for feature in plan.deployment.solr.features}
    judged = len(parts["validation"].judged().g)
    lake = plan.open_lake()
    manifest = lake.published("training_set", plan.training_version, plan.partition)
    return to_html(
        health,
        run=plan.run,
        meanings=meanings,
        metric=consumption_ndcg().name,
        rows=len(parts["train"].g),
        judged=judged,
        limit=limit,
        ceiling=ceiling,
        reach=manifest.facts if manifest else {},
        skew=lake.get_json(f"runs/{plan.run}/features/skew.json") or {},
        last=last,
    )
