"""The scores of a run, one model at a time, as metrics that MLflow can show."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from reprise.metrics import Means, consumption_ndcg, means

if TYPE_CHECKING:
    import pyarrow as pa

DECIDING = ("measured", "judged_only")
MAIN = consumption_ndcg().name
EXPECTED = ("measured", "prior")  # the one reading there is of expected consumption


@dataclass(frozen=True)
class Tally:
    """One model: metric name (no ``@``: MLflow refuses it) → value, and the test block's main figure by segment."""

    metrics: dict[str, float] = field(default_factory=dict)
    segments: dict[str, float] = field(default_factory=dict)


def tallies(scores: pa.Table) -> dict[str, Tally]:
    """Return model → tally of the table ``scores``; means that no query counts in are left out."""
    found: dict[str, Tally] = {}
    keys = ("model", "role", "theta_variant", "unjudged", "metric")
    frame = scores.select([*keys, "segment", "value", "traffic"]).to_pandas()
    for (model, role, variant, policy, metric), part in frame.groupby(list(keys), sort=True):
        tally = found.setdefault(str(model), Tally())
        mean = _mean(part["value"], part["traffic"])
        estimate = str(metric).startswith("expected_consumption")
        if (variant, policy) != (EXPECTED if estimate else DECIDING):
            if np.isfinite(mean.traffic_weighted):
                tally.metrics[f"{role}/theta_{variant}/unjudged_{policy}/{metric}"] = mean.traffic_weighted
            continue
        figures = {f"{role}/{metric}": mean.traffic_weighted, f"{role}/{metric}_per_query": mean.per_query}
        if metric == MAIN:
            figures[f"{role}/queries"] = mean.queries
            figures[f"{role}/dropped_traffic_share"] = mean.dropped_traffic_share
        for segment, of_segment in part.groupby("segment") if metric == MAIN or estimate else ():
            value = _mean(of_segment["value"], of_segment["traffic"]).traffic_weighted
            figures[f"{role}/{segment}/{metric}"] = value
            if role == "test" and metric == MAIN and np.isfinite(value):
                tally.segments[str(segment)] = value
        tally.metrics.update({name: float(value) for name, value in figures.items() if np.isfinite(value)})
    return found


def _mean(values: object, traffic: object) -> Means:
    return means(np.asarray(values, float), np.asarray(traffic, float))
