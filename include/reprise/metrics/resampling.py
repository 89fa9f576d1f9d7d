"""Many paired differences over the same queries, resampled by one draw.

Drawing costs far more than using what was drawn, so every difference gets its spread from the same random numbers: each
query weighs, in each resample, as much as an exponential variable says (Bayesian bootstrap, Rubin, Annals of Statistics
1981). Exponential weights of any part of the queries are again such weights, so a segment, or a ranking that lacks some
queries, is resampled as if it had been drawn for alone; no part is ever left without a query.

Weights are whole numbers, and so is what they multiply, scaled so that no sum reaches 2^53: sums are exact in any
order. The same seed gives the same bits on any number of cores, and beside whichever other differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_CHUNK_CELLS = 2_000_000  # bounds memory: resamples × queries at a time
_STEP = 256  # parts of 1 that a weight counts in
_WEIGHT_BITS = 13  # weights up to 32, which one draw in 8·10^13 exceeds
_EXACT_BITS = 52  # whole numbers up to 2^53 are exact; one bit for rounding


@dataclass(frozen=True)
class Sample:
    """One difference: those of the axis' queries that have one, by falling traffic; the first ``heads`` are heads.

    ``d`` is each query's difference, ``w`` its share of the traffic, ``place`` where it stands on the axis.
    """

    d: Floats
    w: Floats
    place: NDArray[np.int64]
    heads: int


def resample(samples: Sequence[Sample], queries: int, resamples: int, seed: int) -> Floats:
    """Return resamples × samples: each difference as it might have come out, had other queries been searched.

    ``queries`` is the length of the axis. Heads keep their traffic, each with a residual drawn from all heads of its
    sample; the others are weighted anew, and keep their share.
    """
    rest = [(one.w[one.heads :], one.d[one.heads :], one.place[one.heads :]) for one in samples]
    over = _Columns([(place, w * d) for w, d, place in rest], queries, _EXACT_BITS - _WEIGHT_BITS)
    under = _Columns([(place, w) for w, _, place in rest], queries, _EXACT_BITS - _WEIGHT_BITS)
    drawn = np.empty((resamples, len(samples)))
    random = np.random.default_rng([seed, 0])
    for rows in _chunks(resamples, queries):
        weights = random.standard_exponential((rows.stop - rows.start, queries), dtype=np.float32)
        weights = np.minimum(np.ceil(weights * _STEP), 2**_WEIGHT_BITS - 1).astype(np.float64)
        above, below = over.sums(weights), under.sums(weights)
        drawn[rows] = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    shares = np.array([w.sum() for w, _, _ in rest])
    middle = np.array([np.sum(w * d) / w.sum() if len(w) else 0.0 for w, d, _ in rest])
    wider = np.array([_wider(w) for w, _, _ in rest])
    drawn = (middle + wider * (drawn - middle)) * shares
    for n, one in enumerate(samples):
        drawn[:, n] += _heads(one, resamples, seed)
    return drawn


def _wider(w: Floats) -> float:
    """Return by what weights of n queries spread a mean too little: its variance over n + 1 where n − 1 is due."""
    worth = max(float(np.sum(w)) ** 2 / float(np.sum(w * w)), 2.0) if len(w) else 2.0  # n of equal traffic (Kish)
    return float(np.sqrt((worth + 1) / (worth - 1)))


def randomisation(samples: Sequence[Sample], queries: int, resamples: int, seed: int) -> Floats:
    """Return each sample's share of random relabelings (signs) at least as extreme as it, itself included (Fisher)."""
    columns = _Columns([(one.place, one.w * one.d) for one in samples], queries, _EXACT_BITS)
    total = columns.sums(np.ones((1, queries)), scaled=False)
    extreme = np.zeros(len(samples))
    random = np.random.default_rng([seed, 2])
    for rows in _chunks(resamples, queries):
        bits = random.integers(0, 256, (rows.stop - rows.start, -(-queries // 8)), dtype=np.uint8)
        plus = np.unpackbits(bits, axis=1, count=queries).astype(np.float64)
        extreme += (np.abs(2 * columns.sums(plus, scaled=False) - total) >= np.abs(total)).sum(axis=0)
    return (1 + extreme) / (1 + resamples)


class _Columns:
    """Values by query as whole numbers, one column each; equal columns are summed once."""

    def __init__(self, values: Sequence[tuple[NDArray[np.int64], Floats]], queries: int, bits: int) -> None:
        self._which, exponents = list[int](), list[int]()
        columns, found = list[Floats](), dict[bytes, int]()
        for place, value in values:
            column = np.zeros(queries)
            column[place] = value
            exponent = bits - int(np.frexp(np.abs(column).sum())[1])
            whole = np.rint(np.ldexp(column, exponent))
            key = whole.tobytes()
            if key not in found:
                found[key] = len(columns)
                columns.append(whole)
            self._which.append(found[key])
            exponents.append(exponent)
        self._matrix = np.reshape(columns, (len(columns), queries)).T
        self._back = -np.array(exponents, dtype=np.int64)

    def sums(self, weights: Floats, scaled: bool = True) -> Floats:
        """Return weights × columns, on the values' own scale, or ``scaled=False`` as the exact whole numbers."""
        found: Floats = (weights @ self._matrix)[:, self._which]
        return np.ldexp(found, self._back) if scaled else found


def _heads(one: Sample, resamples: int, seed: int) -> Floats:
    """Return the heads' contribution in each resample: every head with its traffic and somebody's residual."""
    if not one.heads:
        return np.zeros(resamples)
    d, w = one.d[: one.heads], one.w[: one.heads]
    residual = (d - d.mean()) * np.sqrt(one.heads / (one.heads - 1))
    noise, random = np.empty(resamples), np.random.default_rng([seed, 1])
    for rows in _chunks(resamples, one.heads):
        whose = random.integers(0, one.heads, (rows.stop - rows.start, one.heads), dtype=np.uint32)
        noise[rows] = np.sum(residual[whose] * w, axis=1)
    found: Floats = np.sum(d * w) + noise
    return found


def _chunks(resamples: int, width: int) -> list[slice]:
    step = max(1, _CHUNK_CELLS // max(width, 1))
    return [slice(start, min(start + step, resamples)) for start in range(0, resamples, step)]
