"""How sure one may be of a paired difference between two rankings, by query and weighted by traffic.

The heaviest queries are a fixed stratum: they are there every week, so every resample holds all of them with
their traffic unchanged. Their differences still carry the noise of their labels, and one query's share of the
answer can be large: each gets, in each resample, a residual drawn from all heads (residual bootstrap, Efron, Annals
of Statistics 1979; a head is assumed no noisier than the heads' average, which its traffic makes likely). Torso and
tail queries are a sample of what might have been searched, and are drawn with replacement (Sakai, SIGIR 2006), also
as a stratum: heads and the rest keep their share.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from reprise.errors import UsageError

Floats = NDArray[np.float64]
_CHUNK_CELLS = 4_000_000  # bounds memory: resamples × queries at a time


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
    paired = ~(np.isnan(first) | np.isnan(second)) & (traffic > 0)
    d, w = (first - second)[paired], traffic[paired]
    if len(d) < 2:
        nan = float("nan")
        return Comparison(float(d[0]) if len(d) else nan, nan, nan, nan, nan, nan, len(d), effective_n(w))
    order = np.lexsort((np.flatnonzero(paired), -w))  # stable: equal traffic keeps the caller's order
    d, w = d[order], w[order] / w.sum()
    rng = np.random.default_rng(seed)
    # A stratum of one query has no spread to show, so fewer than two heads, or one query left over, join the rest.
    cut = head_queries if 2 <= head_queries <= len(d) - 2 else (len(d) if head_queries >= len(d) else 0)
    drawn = _heads(d[:cut], w[:cut], resamples, rng) + _rest(d[cut:], w[cut:], resamples, rng)
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(drawn, [tail, 1 - tail])
    error = float(drawn.std(ddof=1))
    normal = NormalDist()
    return Comparison(
        difference=float(d @ w),
        lower=float(lower),
        upper=float(upper),
        standard_error=error,
        detectable=(normal.inv_cdf(1 - tail) + normal.inv_cdf(0.8)) * error,
        p_value=_randomisation(d * w, resamples, rng),
        queries=len(d),
        effective_n=effective_n(w),
    )


def _heads(d: Floats, w: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Return the heads' contribution in each resample: every head with its traffic and somebody's residual."""
    if not len(d):
        return np.zeros(resamples)
    residual = (d - d.mean()) * np.sqrt(len(d) / (len(d) - 1))
    noise = np.empty(resamples)
    for rows in _chunks(resamples, len(d)):
        noise[rows] = residual[rng.integers(0, len(d), (rows.stop - rows.start, len(d)))] @ w
    return float(d @ w) + noise


def _rest(d: Floats, w: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Return the other queries' contribution in each resample, drawn with replacement, their share kept."""
    if not len(d):
        return np.zeros(resamples)
    drawn, share, weighted = np.empty(resamples), w.sum(), d * w
    for rows in _chunks(resamples, len(d)):
        picked = rng.integers(0, len(d), (rows.stop - rows.start, len(d)))
        drawn[rows] = weighted[picked].sum(axis=1) / w[picked].sum(axis=1) * share
    return drawn


def _randomisation(contributions: Floats, resamples: int, rng: np.random.Generator) -> float:
    """Return the share of random relabelings (signs) at least as extreme as what was seen, itself included."""
    total = contributions.sum()
    sums = np.empty(resamples)
    for rows in _chunks(resamples, len(contributions)):
        signs = rng.integers(0, 2, (rows.stop - rows.start, len(contributions)), dtype=np.int8)
        sums[rows] = 2 * (signs @ contributions) - total
    return float((1 + (np.abs(sums) >= abs(total) - 1e-15).sum()) / (1 + resamples))


def _chunks(resamples: int, width: int) -> list[slice]:
    step = max(1, _CHUNK_CELLS // max(width, 1))
    return [slice(start, min(start + step, resamples)) for start in range(0, resamples, step)]
