"""The consumption score of the search: what listeners really got out of it, journey by journey.

Mean over journeys of min(1, summed utility of what was played from it); a journey given up counts 0. It is what was
live, seen from its end. What a ranking that was never live would have brought is another thing, and never on one chart
with this: `reprise.metrics.expected`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_RESAMPLES = 1000


@dataclass(frozen=True)
class ConsumptionScore:
    """Means over journeys; NaN where there is none. ``low`` and ``high``: 95 % interval of ``score``, by user."""

    score: float
    low: float
    high: float
    journeys: int
    success_share: float  # with an item played through its threshold
    bounce_share: float  # whose first play ended at once
    keystrokes: float  # prefixes typed
    seconds_to_success: float  # of those that had one


def consumption_score(rows: Sequence[Mapping[str, Any]], seed: int = 0) -> ConsumptionScore:
    """Return the score of rows of ``journey_stats``; listeners, in their buckets, are drawn again for the interval."""
    total = {
        name: float(sum(row[name] for row in rows))
        for name in ("journeys", "score_sum", "successes", "bounces", "keystrokes_sum", "time_to_success_s_sum")
    }
    journeys, successes = total["journeys"], total["successes"]
    low, high = _interval(rows, seed)
    return ConsumptionScore(
        score=_ratio(total["score_sum"], journeys),
        low=low,
        high=high,
        journeys=int(journeys),
        success_share=_ratio(successes, journeys),
        bounce_share=_ratio(total["bounces"], journeys),
        keystrokes=_ratio(total["keystrokes_sum"], journeys),
        seconds_to_success=_ratio(total["time_to_success_s_sum"], successes),
    )


def _interval(rows: Sequence[Mapping[str, Any]], seed: int) -> tuple[float, float]:
    """Return the bootstrap interval of a ratio of sums, whole buckets of users drawn; NaN with fewer than two."""
    buckets, place = np.unique([row["user_bucket"] for row in rows], return_inverse=True)
    if len(buckets) < 2:
        return float("nan"), float("nan")
    score, journeys = (
        np.bincount(place, weights=[float(row[name]) for row in rows]) for name in ("score_sum", "journeys")
    )
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(buckets), np.full(len(buckets), 1 / len(buckets)), size=_RESAMPLES)
    low, high = np.quantile(drawn @ score / (drawn @ journeys), [0.025, 0.975])
    return float(low), float(high)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
