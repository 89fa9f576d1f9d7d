"""What stands beside a ranking's metrics: how much of it was judged, what had nothing to find, how wrong scores are.

They take gains as they were judged, NaN where an item was not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reprise.errors import UsageError
from reprise.metrics.ranking import Codes, Flags, Floats, cut, rank


@dataclass(frozen=True)
class Judged:
    """Share of the first k items that anybody judged: where it is low, all other metrics are guesses."""

    cutoff: int = 10

    def __post_init__(self) -> None:
        cut(self.cutoff)

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``judged_at_10``."""
        return f"judged_at_{self.cutoff}"

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return one value in 0..1 per query code, NaN where nothing was retrieved."""
        del relevant
        ranked, places = rank(np.asarray(queries), np.asarray(scores, float), n_queries), np.ones(self.cutoff)
        there = ranked.sums(np.ones(len(queries)), places)
        judged = ranked.sums((~np.isnan(np.asarray(gains, float))).astype(float), places)
        return np.divide(judged, there, out=np.full(n_queries, np.nan), where=there > 0)


@dataclass(frozen=True)
class AllZero:
    """1 for a query of which nothing is relevant, 0 for others: its mean is what NDCG and others leave out."""

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``all_zero_share``."""
        return "all_zero_share"

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return 0 or 1 per query code; a query without any item has nothing relevant either."""
        del scores
        found = np.nan_to_num(np.asarray(gains, float)) > 0 if relevant is None else np.asarray(relevant, bool)
        return (np.bincount(np.asarray(queries), weights=found, minlength=n_queries) == 0).astype(np.float64)


@dataclass(frozen=True)
class Rmse:
    """Root mean squared difference of score and gain over a query's judged items, on the gain's own scale.

    A training loss: an order can be perfect with any value of it, and it means nothing of a ranker whose scores are no
    gains. Reported, never a gate.
    """

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``rmse``."""
        return "rmse"

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return one value from 0 per query code, NaN where nothing is judged; a score that is none is an error."""
        del relevant
        queries, scores, gains = np.asarray(queries), np.asarray(scores, float), np.asarray(gains, float)
        judged = ~np.isnan(gains)
        if wrong := int((~np.isfinite(scores[judged])).sum()):
            raise UsageError(f"{wrong} judged items have no finite score", "score every item, or take it out")
        count = np.bincount(queries[judged], minlength=n_queries)
        squares = np.bincount(queries[judged], weights=np.square(scores[judged] - gains[judged]), minlength=n_queries)
        return np.sqrt(np.divide(squares, count, out=np.full(n_queries, np.nan), where=count > 0))
