"""The feature report of a run: made where the training set is in memory, kept beside the run in the lake."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reprise.features.health import Health, Part, examine
from reprise.features.health_page import to_html
from reprise.metrics import consumption_ndcg
from reprise.training.data import rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from reprise.plan import Plan


def write(plan: Plan, table: pa.Table, names: Sequence[str]) -> list[str]:
    """Write ``runs/<run>/features/health.json`` and ``health.html``; return the features that are suspected to leak."""
    import pyarrow.compute as pc

    parts = {}
    for role in ("train", "validation", "test"):
        rows = rows_of(table.filter(pc.equal(table["role"], role)), names)
        parts[role] = Part(rows.vectors, rows.codes, rows.g, rows.traffic)
    health = examine(names, parts["train"], parts["validation"], parts["test"])
    limit = plan.deployment.gate.policy.max_single_feature_auc
    store, folder = plan.open_lake().store, f"runs/{plan.run}/features"
    store.put(f"{folder}/health.json", json.dumps(health.to_dict(), indent=1, ensure_ascii=False).encode())
    store.put(f"{folder}/health.html", _page(plan, health, parts, limit).encode())
    return [one.name for one in health.suspects(limit)]


def _page(plan: Plan, health: Health, parts: dict[str, Part], limit: float) -> str:
    meanings = {feature.name: feature.meaning for feature in plan.deployment.solr.features}
    judged = len(parts["validation"].judged().g)
    return to_html(health, plan.run, meanings, consumption_ndcg().name, len(parts["train"].g), judged, limit)
