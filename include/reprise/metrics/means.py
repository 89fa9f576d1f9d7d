"""One number from many queries, in the two ways that matter, with what was left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Means:
    """Both means of a per-query metric; NaN where no query counts."""

    traffic_weighted: float  # a query counts as often as it was searched
    per_query: float  # every distinct query counts once
    queries: int  # that count
    dropped_query_share: float  # distinct queries with nothing relevant
    dropped_traffic_share: float  # searches for them


def means(values: NDArray[np.float64], traffic: NDArray[np.float64]) -> Means:
    """Return both means over the queries that are not NaN, and the share of those that are."""
    values, traffic = np.asarray(values, float), np.asarray(traffic, float)
    counts = ~np.isnan(values)
    used, total = traffic[counts].sum(), traffic.sum()
    return Means(
        traffic_weighted=float(values[counts] @ traffic[counts] / used) if used > 0 else float("nan"),
        per_query=float(values[counts].mean()) if counts.any() else float("nan"),
        queries=int(counts.sum()),
        dropped_query_share=float(1 - counts.mean()) if len(values) else 0.0,
        dropped_traffic_share=float(1 - used / total) if total > 0 else 0.0,
    )
