"""What listeners got in the test days, what the candidate would have brought, and how much of what is seen is new."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reprise.gate.paired import Beside, paired
from reprise.lake import Lake
from reprise.metrics import Comparison
from reprise.metrics.consumption_score import consumption_score
from reprise.pages import finite
from reprise.plan import Plan
from reprise.settings.gate import Policy
from reprise.training.asked import EXPOSURE
from reprise.training.counterfactual import UNJUDGED, VARIANT, metric_name


def expected(plan: Plan, lake: Lake, scores: pa.Table, candidate: str, champion: str) -> dict[str, Any]:
    """Return candidate beside champion by expected consumption per search, or nothing if it was not estimated.

    ``candidate`` and ``champion`` hold each estimate and the support; ``inconclusive`` says why the logs cannot speak
    for the candidate, empty where they can.
    """
    published = lake.published("scores", plan.models_version, plan.partition)
    estimates = (published.facts if published else {}).get("expected_consumption", {})
    name = metric_name(plan.deployment.solr.request.rows)
    if not {candidate, champion} <= set(estimates):
        return {}
    test = paired(scores, "test", name)
    asked = Beside(candidate, champion, reading=(VARIANT, UNJUDGED))
    (found,) = test.compare_all([asked], plan.deployment.gate.policy)
    return {
        "metric": name,
        "candidate": estimates[candidate],
        "champion": estimates[champion],
        "comparison": finite(asdict(found)),
        "inconclusive": estimates[candidate]["inconclusive"],
    }


def exposure(scores: pa.Table, candidate: str, champion: str, policy: Policy) -> tuple[Comparison, float] | None:
    """Return how much more of listeners' looks new releases would get, and how much they get; None without any."""
    if not pc.any(pc.equal(scores["metric"], EXPOSURE)).as_py():
        return None
    test = paired(scores, "test", EXPOSURE)
    if not any(np.nan_to_num(test.of(model)).max() > 0 for model in (candidate, champion)):
        return None
    return test.compare(candidate, champion, policy), test.mean(champion).traffic_weighted


def live(plan: Plan, lake: Lake) -> list[dict[str, Any]]:
    """Return the consumption score of the test days by who ordered the answers, most journeys first."""
    days = [f"dt={day}" for block in plan.block("test") for day in block.days]
    there = [day for day in days if lake.published("journey_stats", plan.logs_version, day)]
    rows = lake.read("journey_stats", plan.logs_version, there).to_pylist() if there else []
    rows.sort(key=lambda row: row["ranker"] or "")
    scores = [
        {"ranker": ranker, **finite(asdict(consumption_score(list(part))))}
        for ranker, part in groupby(rows, key=lambda row: row["ranker"] or "")
    ]
    return sorted(scores, key=lambda score: -score["journeys"])
