"""NDCG of the same rows again and again, as after every tree of a boosted ranker: all but the scores is prepared.

Nothing is sorted. Of an item in a short list, the place is how many items score more, and with ``t`` items tied there
its expected discount is the mean of those of ``t`` places. Comparing all pairs of a list of six is many times quicker
than sorting it with thousands of others; lists longer than ``_LONGEST`` are sorted all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.metrics.ndcg import Ndcg
from reprise.metrics.ranking import Codes, Flags, Floats, per_row, rank

_LONGEST = 48
#: Lists of up to so many items are compared as if they had so many: few numpy calls, little padding.
_WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, _LONGEST)
#: Pairs compared at once, so that memory is bounded.
_PAIRS = 4_000_000


@dataclass(frozen=True)
class _Lists:
    """Lists of about one length, an item in each row and a list in each column; places beyond a list's end lead to
    a last score that is −∞, and their gain is 0.

    ``expected``: discount of an item below ``a`` others in a tie of ``t``, at ``a · (width + 1) + t``.
    """

    queries: Codes
    rows: Codes
    gains: Floats
    expected: Floats

    def sums(self, scores: Floats) -> Floats:
        """Return each list's expected Σ discount · gain."""
        found = scores[self.rows]
        above = np.add.reduce(found[:, None] > found, axis=0, dtype=np.int8)
        tied = np.add.reduce(found[:, None] == found, axis=0, dtype=np.int8)
        discount = self.expected[above * np.int16(len(found) + 1) + tied]
        summed: Floats = np.add.reduce(np.where(found > -np.inf, discount, 0.0) * self.gains, axis=0)
        return summed


class RepeatedNdcg:
    """An NDCG of given rows, asked for many scores: the values of ``Ndcg.per_query`` but for rounding."""

    def __init__(
        self, metric: Ndcg, queries: Codes, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> None:
        self._metric, self._rows = metric, len(queries)
        queries, _, gains = per_row(queries, np.zeros(len(queries)), gains, n_queries)
        self._ideal = metric.ideal(queries, gains, n_queries, relevant)
        gains = metric.gains(gains)
        order = np.argsort(queries, kind="stable")
        sizes = np.bincount(queries, minlength=n_queries)
        self._short = list(_short_lists(order, sizes, gains, metric.discounts()))
        self._long = np.flatnonzero((sizes > _LONGEST)[queries])
        self._long_queries, self._long_gains = queries[self._long], gains[self._long]

    def per_query(self, scores: Floats) -> Floats:
        """Return one value in 0..1 for each query code; ``scores``: one per row, −∞ where it was not retrieved."""
        scores = np.append(np.asarray(scores, float), -np.inf)
        if len(scores) != self._rows + 1 or np.isnan(scores).any():
            per_row(np.zeros(self._rows, int), scores[:-1], np.zeros(self._rows), 1)  # says what is wrong
        actual = np.zeros(len(self._ideal))
        for lists in self._short:
            actual[lists.queries] = lists.sums(scores)
        if len(self._long):
            ranked = rank(self._long_queries, scores[self._long], len(actual), self._metric.cutoff)
            actual += ranked.sums(self._long_gains, self._metric.discounts())
        return self._metric.normalised(actual, self._ideal)


def _short_lists(order: Codes, sizes: Codes, gains: Floats, discounts: Floats) -> Iterator[_Lists]:
    starts, padded = np.cumsum(sizes) - sizes, np.append(gains, 0.0)
    order = np.append(order, len(gains))
    for shorter, width in zip((0, *_WIDTHS), _WIDTHS, strict=False):
        alike = np.flatnonzero((sizes > shorter) & (sizes <= width))
        for queries in np.array_split(alike, -(-len(alike) * width * width // _PAIRS)) if len(alike) else ():
            place = np.arange(width)[:, None]
            rows = order[np.where(place < sizes[queries], starts[queries] + place, len(gains))]
            yield _Lists(queries, rows, padded[rows], _expected(width, discounts))


def _expected(width: int, discounts: Floats) -> Floats:
    """Return the mean discount of ``t`` places from place ``a`` (from 0) on, at ``a · (width + 1) + t``."""
    upto = np.r_[0.0, np.cumsum(discounts)]
    above, tied = np.arange(width + 1)[:, None], np.arange(width + 1)
    first, last = (np.minimum(place, len(discounts)) for place in (above, above + tied))
    means: NDArray[np.float64] = (upto[last] - upto[first]) / np.maximum(tied, 1)
    return means.ravel()
