"""Metrics of a listener who goes down the list and stops somewhere: ERR and RBP.

Ties are the expectation over all orders. For RBP, a sum over places, that is the mean gain; for ERR, where what stands
above matters, E[Π (1 − R) over the first n of a tied block] is the n-th elementary symmetric polynomial of the block's
1 − R divided by the number of its terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from reprise.errors import UsageError
from reprise.metrics.ranking import Codes, Empty, Flags, Floats, cut, per_row, rank, settled


@dataclass(frozen=True)
class Err:
    """Expected reciprocal rank (Chapelle et al., CIKM 2009): Σ 1/i · R_i · Π over j < i of (1 − R_j).

    R, the chance that an item satisfies, is the gain itself where gains are expected consumption (``max_grade`` 0), or
    (2^g − 1) / 2^max_grade of a grade.
    """

    cutoff: int = 10
    max_grade: int = 0
    empty: Empty = "drop"

    def __post_init__(self) -> None:
        cut(self.cutoff)

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``err_at_10``, of consumption ``consumption_err_at_10``."""
        return f"{'' if self.max_grade else 'consumption_'}err_at_{self.cutoff}"

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return one value in 0..1 for each query code 0..n_queries-1; NaN where nothing is relevant."""
        queries, scores, gains = per_row(queries, scores, gains, n_queries)
        relevant = gains > 0 if relevant is None else np.asarray(relevant, bool)
        _most(gains, self.max_grade)
        chance = (np.exp2(gains) - 1) / 2.0**self.max_grade if self.max_grade else gains
        ranked = rank(queries, scores, n_queries)
        passed, values = np.ones(n_queries), np.zeros(n_queries)
        here = 1 - chance[ranked.order]
        for block in ranked.blocks(chance, self.cutoff):
            depth = min(block.size, self.cutoff - block.first)
            alive = _mean_products(here[block.rows], depth)
            stops = (alive[:-1] - alive[1:]) / np.arange(block.first + 1, block.first + depth + 1)
            values[block.query] += passed[block.query] * stops.sum()
            passed[block.query] *= alive[-1]
        counts = np.bincount(queries, weights=relevant, minlength=n_queries) > 0
        return settled(values, counts, self.empty)


def _most(gains: Floats, max_grade: int) -> float:
    """Return the highest gain there can be; one above it is an error."""
    most = float(max_grade or 1)
    if len(gains) and gains.max() > most:
        raise UsageError(f"a gain is {gains.max():g}, above {most:g}", "set max_grade to the highest grade there is")
    return most


def _mean_products(factors: Floats, depth: int) -> Floats:
    """Return, for n = 0..depth, the mean over all sets of n of these factors of their product."""
    sums = np.zeros(depth + 1)
    sums[0] = 1.0
    for factor in factors:
        sums[1:] += factor * sums[:-1].copy()
    return sums / np.array([float(comb(len(factors), n)) for n in range(depth + 1)])


@dataclass(frozen=True)
class Rbp:
    """Rank-biased precision (Moffat & Zobel, TOIS 2008): (1 − p) Σ g_i p^(i − 1), over all retrieved places.

    ``p`` is the chance to look at the next item. g is the gain itself where gains are expected consumption
    (``max_grade`` 0), or a grade's share of ``max_grade``. A query without a relevant item is worth 0: the metric needs
    no ideal.
    """

    p: float = 0.8
    max_grade: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.p < 1:
            raise UsageError(f"p is {self.p}", "give a chance between 0 and 1")

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``rbp_80`` for p = 0.8, of consumption ``consumption_rbp_80``."""
        return f"{'' if self.max_grade else 'consumption_'}rbp_{self.p * 100:g}".replace(".", "_")

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return one value in 0..1 for each query code 0..n_queries-1."""
        queries, scores, gains = per_row(queries, scores, gains, n_queries)
        return self._weighed(queries, scores, gains / _most(gains, self.max_grade), n_queries)

    def residual(self, queries: Codes, scores: Floats, judged: Flags, n_queries: int) -> Floats:
        """Return how much each query's value could still rise, were everything unjudged or unretrieved perfect."""
        known = np.asarray(judged, float)
        queries, scores, known = per_row(queries, scores, known, n_queries)
        return 1.0 - self._weighed(queries, scores, known, n_queries)

    def _weighed(self, queries: Codes, scores: Floats, values: Floats, n_queries: int) -> Floats:
        ranked = rank(queries, scores, n_queries)
        deepest = int(ranked.place.max()) + 1 if len(ranked.place) else 1
        return ranked.sums(values, (1 - self.p) * np.power(self.p, np.arange(deepest, dtype=np.float64)))
