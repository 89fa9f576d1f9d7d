"""Normalised discounted cumulative gain over all queries at once.

Libraries disagree on gain, ties and queries without a relevant item, and the last alone can move the same model
by 0.3; here each is stated:

- gain: linear, of expected consumption g in 0..1 (Järvelin & Kekäläinen, TOIS 2002);
- discount: ``log2``, 1 / log2(position + 1), or ``examination``, the measured θ of the position, which makes the
  numerator the expected consumption per search under the position-based model;
- ties: the expectation over all orders of the tied items (McSherry & Najork, ECIR 2008);
- nothing relevant, or nothing there: NaN. Such queries are left out of means, and their share is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reprise.errors import UsageError

Discount = Literal["log2", "examination"]
Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Ndcg:
    """DCG@k / ideal DCG@k with linear gains; ``theta`` belongs to the examination discount and to no other."""

    cutoff: int = 10
    discount: Discount = "log2"
    theta: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.cutoff < 1:
            raise UsageError(f"the cutoff is {self.cutoff}", "give a cutoff of at least 1")
        if self.discount == "log2" and self.theta:
            raise UsageError("a log2 discount takes no theta", "leave theta out, or use the examination discount")
        if self.discount == "examination" and len(self.theta) < self.cutoff:
            raise UsageError(
                f"theta covers {len(self.theta)} positions of {self.cutoff}", "give one theta per position"
            )

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``consumption_ndcg_at_10``."""
        kind = "" if self.discount == "log2" else f"_{self.discount}"
        return f"consumption_ndcg{kind}_at_{self.cutoff}"

    def discounts(self) -> Floats:
        """Return the weight of positions 1..cutoff."""
        if self.discount == "examination":
            return np.asarray(self.theta[: self.cutoff], dtype=np.float64)
        return 1.0 / np.log2(np.arange(2, self.cutoff + 2, dtype=np.float64))

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: NDArray[np.bool_] | None = None
    ) -> Floats:
        """Return one value in 0..1 for each query code 0..n_queries-1; NaN where nothing is relevant.

        One row per candidate item. ``relevant`` says which rows make a query count, by default those with a
        positive gain; a caller whose gains are shrunk towards a prior passes the items really consumed, since
        shrinkage leaves no gain at zero.
        """
        queries, scores, gains = np.asarray(queries), np.asarray(scores, float), np.asarray(gains, float)
        _check(queries, scores, gains, n_queries)
        relevant = gains > 0 if relevant is None else np.asarray(relevant, bool)
        actual = self._dcg(queries, scores, gains, n_queries)
        ideal = self._dcg(queries, gains, gains, n_queries)
        counts = (np.bincount(queries, weights=relevant, minlength=n_queries) > 0) & (ideal > 0)
        return np.where(counts, actual / np.where(counts, ideal, 1.0), np.nan)

    def _dcg(self, queries: Codes, scores: Floats, gains: Floats, n_queries: int) -> Floats:
        """Return the DCG of each query: within tied scores, each place holds the ties' mean gain."""
        if not len(queries):
            return np.zeros(n_queries)
        order = np.lexsort((-scores, queries))
        q, s, g = queries[order], scores[order], gains[order]
        new_query = np.r_[True, q[1:] != q[:-1]]
        place = np.arange(len(q)) - np.flatnonzero(new_query)[np.cumsum(new_query) - 1]
        tie = np.cumsum(new_query | np.r_[True, s[1:] != s[:-1]]) - 1
        expected = (np.bincount(tie, weights=g) / np.bincount(tie))[tie]
        weight = np.where(place < self.cutoff, self.discounts()[np.minimum(place, self.cutoff - 1)], 0.0)
        sums: Floats = np.bincount(q, weights=expected * weight, minlength=n_queries).astype(np.float64)
        return sums


def consumption_ndcg(cutoff: int = 10) -> Ndcg:
    """Return the deciding metric: gain is expected consumption, discount log2."""
    return Ndcg(cutoff)


def _check(queries: Codes, scores: Floats, gains: Floats, n_queries: int) -> None:
    if not len(queries) == len(scores) == len(gains):
        raise UsageError(f"{len(queries)} queries, {len(scores)} scores and {len(gains)} gains", "give one of each")
    if len(queries) and (queries.min() < 0 or queries.max() >= n_queries):
        raise UsageError(f"query codes lie outside 0..{n_queries - 1}", "number the queries from 0")
    if np.isnan(scores).any():
        raise UsageError(f"{int(np.isnan(scores).sum())} scores are NaN", "score every candidate item")
    if np.isnan(gains).any() or (gains < 0).any():
        raise UsageError("some gains are unknown or negative", "resolve unjudged items first; gains start at 0")
