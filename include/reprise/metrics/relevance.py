"""Metrics that know relevant and not: precision, recall, success, reciprocal rank, average precision.

An item is relevant from the gain ``at_least`` on, by default from any positive one. Ties are the expectation over all
orders, in closed form (McSherry & Najork, ECIR 2008); queries without a relevant item are NaN unless ``empty`` says
otherwise. ``relevant`` as given by a caller takes the place of ``at_least``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import comb

import numpy as np

from reprise.metrics.ranking import Block, Codes, Empty, Flags, Floats, Ranked, cut, per_row, rank, settled


@dataclass(frozen=True)
class _Binary(ABC):
    """What these metrics have in common: ``_found`` is what a ranking has, ``_most`` what it is divided by."""

    cutoff: int = 10
    at_least: float = 0.0
    empty: Empty = "drop"

    def __post_init__(self) -> None:
        cut(self.cutoff)

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``precision_at_10``, ``precision_from_2_at_10``."""
        bar = f"_from_{self.at_least:g}".replace(".", "_") if self.at_least > 0 else ""
        return f"{_NAMES[type(self)]}{bar}_at_{self.cutoff}"

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return one value in 0..1 for each query code 0..n_queries-1; NaN where nothing is relevant."""
        queries, scores, gains = per_row(queries, scores, gains, n_queries)
        if relevant is None:
            relevant = gains >= self.at_least if self.at_least > 0 else gains > 0
        hits = np.asarray(relevant, float)
        total = np.bincount(queries, weights=hits, minlength=n_queries).astype(np.float64)
        counts = total > 0
        found = self._found(rank(queries, scores, n_queries), hits)
        return settled(found / np.where(counts, self._most(total), 1.0), counts, self.empty)

    @abstractmethod
    def _found(self, ranked: Ranked, hits: Floats) -> Floats: ...

    def _most(self, total: Floats) -> Floats:
        return np.ones_like(total)


class Precision(_Binary):
    """Relevant items among the first k, divided by k."""

    def _found(self, ranked: Ranked, hits: Floats) -> Floats:
        return ranked.sums(hits, np.ones(self.cutoff))

    def _most(self, total: Floats) -> Floats:
        return np.full_like(total, self.cutoff)


class Recall(_Binary):
    """Relevant items among the first k, divided by all relevant ones."""

    def _found(self, ranked: Ranked, hits: Floats) -> Floats:
        return ranked.sums(hits, np.ones(self.cutoff))

    def _most(self, total: Floats) -> Floats:
        return total


class _ByBlock(_Binary):
    """A metric that is no plain sum over places: the rows before a block matter."""

    def _found(self, ranked: Ranked, hits: Floats) -> Floats:
        values, before = np.zeros(ranked.n_queries), np.zeros(ranked.n_queries)
        here = hits[ranked.order]
        for block in ranked.blocks(hits, self.cutoff):
            relevant = int(here[block.rows].sum())
            values[block.query] += self._add(block, relevant, int(before[block.query]))
            before[block.query] += relevant
        return values

    @abstractmethod
    def _add(self, block: Block, relevant: int, before: int) -> float: ...


class Success(_ByBlock):
    """1 where something relevant is among the first k, else 0."""

    def _add(self, block: Block, relevant: int, before: int) -> float:
        seen = min(block.size, self.cutoff - block.first)
        return 0.0 if before else 1 - comb(block.size - relevant, seen) / comb(block.size, seen)


class ReciprocalRank(_ByBlock):
    """1 / the position of the first relevant item, 0 where it lies below k."""

    def _add(self, block: Block, relevant: int, before: int) -> float:
        if before:
            return 0.0
        last = min(block.size - relevant, self.cutoff - block.first - 1)
        ways = comb(block.size, relevant)
        return sum(comb(block.size - n - 1, relevant - 1) / ways / (block.first + n + 1) for n in range(last + 1))


class AveragePrecision(_ByBlock):
    """The mean of precision at each relevant item's position, 0 for those below k (trec_eval's ``map_cut``)."""

    def _add(self, block: Block, relevant: int, before: int) -> float:
        others = (relevant - 1) / (block.size - 1) if block.size > 1 else 0.0  # relevant, of each other row
        places = np.arange(min(block.size, self.cutoff - block.first))
        precision = (before + 1 + places * others) / (block.first + places + 1)
        return float(relevant / block.size * precision.sum())

    def _most(self, total: Floats) -> Floats:
        return total


_NAMES: dict[type[_Binary], str] = {
    Precision: "precision",
    Recall: "recall",
    Success: "success",
    ReciprocalRank: "mrr",
    AveragePrecision: "map",
}
