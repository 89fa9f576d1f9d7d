"""Expected consumption of a ranking that was never live, per search, from the logs of one that was.

Under the position-based model a ranking is worth Σ θ(place) · g(item) to a search. Four estimates of it:

- ``direct``: g as learned from earlier days. Small spread; as wrong as g is.
- ``ips``: what was consumed, each item weighted by how likely it would be looked at over how likely it was, on average
  over the query's searches (Li et al., *Offline evaluation of ranking policies with click models*, KDD 2018).
- ``snips``: the same, divided by the share of the new ranking's examination that the weights account for.
- ``doubly_robust``: direct, corrected by the weighted difference between what was consumed and what g foretold
  (Oosterhuis, *Doubly robust estimation for correcting position bias in click feedback*, TOIS 2023). It decides.

Weights are cut at ``clip``. An item that the query's searches never showed says nothing: the share of the new ranking's
examination that falls on such is the **hole rate**. With a large one, or with few impressions that carry all the
weight, no estimate can be trusted, and the answer is inconclusive.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from reprise.metrics.ranking import Codes, Floats, rank

CLIPS = (2.0, 5.0, 10.0, 20.0, math.inf)


@dataclass(frozen=True)
class Logged:
    """What a block's searches say of each candidate row; zeros where it was never shown.

    ``g``: the item's worth when looked at, learned from other days; ``searches``: one number per query code.
    """

    utility: Floats  # Σ consumed, over the query's searches
    examination: Floats  # Σ θ of the places it had
    impressions: Floats
    g: Floats
    searches: Floats


@dataclass(frozen=True)
class Support:
    """How far the logs can speak for a ranking."""

    hole_rate: float  # share of its examination on items never shown for the query
    effective_impressions: float  # Kish: as many equally weighted impressions would say as much
    impressions: float  # of the items that it would show
    max_hole_rate: float = 0.25
    min_effective_share: float = 0.01

    @property
    def reason(self) -> str:
        """Why the estimates cannot be trusted; empty where they can."""
        if not self.impressions:
            return "nothing that it would show was shown"
        if self.hole_rate > self.max_hole_rate:
            return (
                f"{self.hole_rate:.0%} of what listeners would look at was never shown for the query "
                f"(at most {self.max_hole_rate:.0%}): let it answer a part of the searches, interleaved"
            )
        share = self.effective_impressions / self.impressions
        if share < self.min_effective_share:
            return f"{share:.1%} of the impressions carry all the weight (at least {self.min_effective_share:.0%})"
        return ""


@dataclass(frozen=True)
class Expected:
    """Consumption per search: per query code each, NaN for a query without candidates or searches, and overall."""

    doubly_robust: Floats
    direct: Floats
    ips: Floats
    snips: float
    support: Support
    clip_curve: dict[str, float] = field(default_factory=dict)  # clip → doubly robust, overall


def expected_consumption(
    queries: Codes, scores: Floats, logged: Logged, theta: Floats, clip: float = 10.0, max_hole_rate: float = 0.25
) -> Expected:
    """Return the estimates for the ranking that ``scores`` make of each query's candidates; −∞ is not retrieved.

    One row per candidate item. ``theta``: how likely each place is looked at; what stands below the last is not seen.
    Ties are expectations over their orders. ``max_hole_rate``: of examination on items never shown, from which the
    support says that the logs cannot speak for the ranking.
    """
    n_queries = len(logged.searches)
    exposure = rank(queries, scores, n_queries).exposure(theta, len(queries))
    asked = (logged.searches > 0) & (np.bincount(queries, minlength=n_queries) > 0)
    searches = np.where(asked, logged.searches, 1.0)
    share = logged.searches / max(logged.searches[asked].sum(), 1.0) * asked

    def per_query(values: Floats) -> Floats:
        return np.where(asked, np.bincount(queries, weights=values, minlength=n_queries), np.nan)

    def overall(values: Floats) -> float:
        return float(np.where(asked, values, 0.0) @ share) if asked.any() else math.nan

    shown = logged.examination > 0
    likely = logged.examination / searches[queries]  # examined so often per search of the query
    ratio = np.divide(exposure, likely, out=np.zeros(len(queries)), where=shown)
    consumed = logged.utility / searches[queries]

    def robust(limit: float) -> Floats:
        return per_query(exposure * logged.g + np.minimum(ratio, limit) * (consumed - likely * logged.g))

    weight = np.minimum(ratio, clip)
    ips, foretold, accounted = (
        per_query(values) for values in (weight * consumed, exposure * logged.g, weight * likely)
    )
    seen, covered = per_query(exposure), overall(accounted)
    used = shown & (exposure > 0)
    support = Support(
        hole_rate=overall(per_query(exposure * ~shown)) / overall(seen) if overall(seen) > 0 else math.nan,
        effective_impressions=_effective(weight[used], logged.impressions[used]),
        impressions=float(logged.impressions[used].sum()),
        max_hole_rate=max_hole_rate,
    )
    return Expected(
        doubly_robust=robust(clip),
        direct=foretold,
        ips=ips,
        snips=overall(ips) * overall(seen) / covered if covered > 0 else math.nan,
        support=support,
        clip_curve={f"{limit:g}": overall(robust(limit)) for limit in CLIPS},
    )


def _effective(weight: Floats, impressions: Floats) -> float:
    """Return (Σ w)² / Σ w² over impressions, all those of a row having its weight."""
    squares = float(impressions @ weight**2)
    return float(impressions @ weight) ** 2 / squares if squares > 0 else 0.0
