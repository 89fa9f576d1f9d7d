"""How sure one may be of a paired difference between two rankings, by query and weighted by traffic.

The heaviest queries are a fixed stratum: they are there every week, so every resample holds all of them with
their traffic unchanged. Their differences still carry the noise of their labels, and one query's share of the
answer can be large: each gets, in each resample, a residual drawn from all heads (residual bootstrap, Efron, Annals
of Statistics 1979; a head is assumed no noisier than the heads' average, which its traffic makes likely). Torso and
tail queries are a sample of what might have been searched, and are weighted anew (Bayesian bootstrap; of queries as
such Sakai, SIGIR 2006), also as a stratum: heads and the rest keep their share. How: metrics/resampling.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from reprise.errors import UsageError
from reprise.metrics.resampling import Sample, randomisation, resample

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """A paired difference (first minus second) on the metric's own scale; NaN fields where too few queries."""

    difference: float
    lower: float  # two-sided interval at the confidence asked for
    upper: float
    standard_error: float
    detectable: float  # smallest true gain that such a test would find with 80 % power
    p_value: float  # Fisher randomisation, two-sided; an extra, never the decision
    queries: int
    effective_n: float  # Kish: queries that would count as much if all had equal traffic


def effective_n(weights: Floats) -> float:
    """Return (Σw)² / Σw² (Kish, 1965): 0 without weight."""
    squares = float(np.sum(np.square(weights)))
    return float(np.sum(weights)) ** 2 / squares if squares > 0 else 0.0


def compare(
    first: Floats,
    second: Floats,
    traffic: Floats,
    *,
    head_queries: int = 50,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Return the traffic-weighted difference of two rankings over the queries where both have a value.

    Same input and seed, same answer. Fewer than two queries give a comparison of NaN, which proves nothing.
    """
    first, second, traffic = (np.asarray(a, float) for a in (first, second, traffic))
    if not len(first) == len(second) == len(traffic):
        raise UsageError(f"{len(first)}, {len(second)} and {len(traffic)} values", "pair the rankings by query")
    (found,) = compare_all(
        [first - second], traffic,
        head_queries=head_queries, resamples=resamples, confidence=confidence, seed=seed,
    )  # fmt: skip
    return found


def compare_all(
    differences: Sequence[Floats],
    traffic: Floats,
    *,
    head_queries: int = 50,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[Comparison]:
    """Return a comparison for each array of differences over the same queries, all from one draw.

    A query without a difference (NaN) has no part in that comparison: so do segments. Each comes out as it would alone.
    """
    traffic = np.asarray(traffic, float)
    samples = [_sample(np.asarray(d, float), traffic, head_queries) for d in differences]
    told = [n for n, one in enumerate(samples) if len(one.d) >= 2]
    known = [samples[n] for n in told]
    drawn = resample(known, len(traffic), resamples, seed)
    p_values = randomisation(known, len(traffic), resamples, seed)
    found = [_unknown(one, traffic) for one in samples]
    for column, n in enumerate(told):
        found[n] = _comparison(samples[n], traffic, drawn[:, column], float(p_values[column]), confidence)
    return found


def _sample(d: Floats, traffic: Floats, head_queries: int) -> Sample:
    paired = ~np.isnan(d) & (traffic > 0)
    place = np.flatnonzero(paired)
    place = place[np.argsort(-traffic[place], kind="stable")]  # equal traffic keeps the caller's order
    w, n = traffic[place], len(place)
    # A stratum of one query has no spread to show, so fewer than two heads, or one query left over, join the rest.
    cut = head_queries if 2 <= head_queries <= n - 2 else (n if head_queries >= n else 0)
    return Sample(d[place], w / w.sum() if n else w, place, cut)


def _unknown(one: Sample, traffic: Floats) -> Comparison:
    nan, n = float("nan"), len(one.d)
    only = float(one.d[0]) if n else nan
    return Comparison(only, nan, nan, nan, nan, nan, n, effective_n(traffic[one.place]))


def _comparison(one: Sample, traffic: Floats, drawn: Floats, p_value: float, confidence: float) -> Comparison:
    tail, normal = (1 - confidence) / 2, NormalDist()
    lower, upper = np.quantile(drawn, [tail, 1 - tail])
    error = float(drawn.std(ddof=1))
    return Comparison(
        difference=float(np.sum(one.d * one.w)),
        lower=float(lower),
        upper=float(upper),
        standard_error=error,
        detectable=(normal.inv_cdf(1 - tail) + normal.inv_cdf(0.8)) * error,
        p_value=p_value,
        queries=len(one.d),
        effective_n=effective_n(traffic[one.place]),
    )
