"""Candidates of many queries in the order of their scores: what every metric of a ranking starts from.

One row per candidate item. A row with the score −∞ was not retrieved: it has no place, but counts where a metric asks
how much there was. Tied rows share their places; which of them stands where is not known, and every metric here is the
expectation over all their orders (McSherry & Najork, *Computing information retrieval performance measures efficiently
in the presence of tied scores*, ECIR 2008).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.errors import UsageError

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: What a query counts as in which nothing is relevant: left out of means (NaN), or a value that others give it.
Empty = Literal["drop", "zero", "one"]
_EMPTY = {"drop": float("nan"), "zero": 0.0, "one": 1.0}


class Metric(Protocol):
    """A metric of a ranking, query by query."""

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow."""

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return one value for each query code 0..n_queries-1, NaN where the query does not count.

        ``relevant`` says which rows count as relevant, by default those with a positive gain.
        """


@dataclass(frozen=True)
class Block:
    """Rows of one query with one score: they take the places ``first`` (from 0) and following, in any order."""

    query: int
    first: int
    rows: slice

    @property
    def size(self) -> int:
        """How many rows are tied."""
        return self.rows.stop - self.rows.start


@dataclass(frozen=True)
class Ranked:
    """Retrieved rows by query and falling score: ``order`` leads to the caller's rows, ``place`` counts from 0.

    ``tie`` numbers the groups of tied rows.
    """

    order: Codes
    query: Codes
    place: Codes
    tie: Codes
    n_queries: int

    def sums(self, values: Floats, weight: Floats) -> Floats:
        """Return, per query, the expected Σ weight[place] · value over the places that ``weight`` covers."""
        if not len(self.order):
            return np.zeros(self.n_queries)
        mean = (np.bincount(self.tie, weights=values[self.order]) / np.bincount(self.tie))[self.tie]
        at = np.where(self.place < len(weight), weight[np.minimum(self.place, len(weight) - 1)], 0.0)
        summed: Floats = np.bincount(self.query, weights=mean * at, minlength=self.n_queries).astype(np.float64)
        return summed

    def exposure(self, weight: Floats, rows: int) -> Floats:
        """Return, for each of the caller's rows, the expected weight of its place; 0 beyond, and if not retrieved."""
        found = np.zeros(rows)
        if len(self.order):
            at = np.where(self.place < len(weight), weight[np.minimum(self.place, len(weight) - 1)], 0.0)
            found[self.order] = (np.bincount(self.tie, weights=at) / np.bincount(self.tie))[self.tie]
        return found

    def blocks(self, values: Floats, cutoff: int) -> Iterator[Block]:
        """Yield, in order, the groups of tied rows that reach the first places and hold any value above zero."""
        if not len(self.tie):
            return
        starts = np.flatnonzero(np.diff(self.tie, prepend=-1))
        stops = np.append(starts[1:], len(self.tie))
        wanted = (self.place[starts] < cutoff) & (np.add.reduceat(values[self.order], starts) > 0)
        for start, stop in zip(starts[wanted], stops[wanted], strict=True):
            yield Block(int(self.query[start]), int(self.place[start]), slice(int(start), int(stop)))


def rank(queries: Codes, scores: Floats, n_queries: int, cutoff: int = 0) -> Ranked:
    """Return the retrieved rows in order; with a cutoff, at least those that may stand in the first places."""
    there = np.flatnonzero(scores > -np.inf if not cutoff else _within(queries, scores, n_queries, cutoff))
    order = there[np.lexsort((-scores[there], queries[there]))]
    q, s = queries[order], scores[order]
    if not len(q):
        none = np.zeros(0, np.int64)
        return Ranked(order, q, none, none, n_queries)
    new_query = np.r_[True, q[1:] != q[:-1]]
    place = np.arange(len(q)) - np.flatnonzero(new_query)[np.cumsum(new_query) - 1]
    tie = np.cumsum(new_query | np.r_[True, s[1:] != s[:-1]]) - 1
    return Ranked(order, q, place, tie, n_queries)


def best(queries: Codes, values: Floats, n_queries: int, cutoff: int) -> Floats:
    """Return each query's largest values, falling, padded with zeros to ``cutoff`` columns; values start at 0."""
    matrix = _matrix(queries, values, n_queries, 0.0)
    if matrix is None:
        ranked = rank(queries, values, n_queries)
        matrix = np.zeros((n_queries, cutoff))
        top = ranked.place < cutoff
        matrix[ranked.query[top], ranked.place[top]] = values[ranked.order[top]]
        return matrix
    width = matrix.shape[1]
    if width > cutoff:
        matrix = np.partition(matrix, width - cutoff, axis=1)[:, width - cutoff :]
    found = np.zeros((n_queries, cutoff))
    found[:, : matrix.shape[1]] = np.sort(matrix, axis=1)[:, ::-1]
    return found


def _within(queries: Codes, scores: Floats, n_queries: int, cutoff: int) -> Flags:
    """Return which retrieved rows score at least as much as the last of their query's first places: no tie is cut."""
    matrix = _matrix(queries, scores, n_queries, -np.inf)
    if matrix is None or matrix.shape[1] <= cutoff:
        return scores > -np.inf
    last = np.partition(matrix, matrix.shape[1] - cutoff, axis=1)[:, matrix.shape[1] - cutoff]
    return (scores >= last[queries]) & (scores > -np.inf)


def _matrix(queries: Codes, values: Floats, n_queries: int, fill: float) -> Floats | None:
    """Return values as a row per query, or None where queries are not together or differ too much in size."""
    if not len(queries) or (queries[1:] < queries[:-1]).any():
        return None
    sizes = np.bincount(queries, minlength=n_queries)
    width = int(sizes.max())
    if n_queries * width == len(values):
        return values.reshape(n_queries, width)
    if n_queries * width > 4 * len(values):
        return None
    matrix = np.full((n_queries, width), fill)
    matrix[queries, np.arange(len(values)) - (np.cumsum(sizes) - sizes)[queries]] = values
    return matrix


def per_row(queries: Codes, scores: Floats, gains: Floats, n_queries: int) -> tuple[Codes, Floats, Floats]:
    """Return the arrays as they are computed with; what cannot be ranked or counted is an error that says which."""
    queries, scores, gains = np.asarray(queries), np.asarray(scores, float), np.asarray(gains, float)
    if not len(queries) == len(scores) == len(gains):
        raise UsageError(f"{len(queries)} queries, {len(scores)} scores and {len(gains)} gains", "give one of each")
    if len(queries) and (queries.min() < 0 or queries.max() >= n_queries):
        raise UsageError(f"query codes lie outside 0..{n_queries - 1}", "number the queries from 0")
    if np.isnan(scores).any():
        raise UsageError(f"{int(np.isnan(scores).sum())} scores are NaN", "score every candidate item")
    if np.isnan(gains).any() or (gains < 0).any():
        raise UsageError("some gains are unknown or negative", "resolve unjudged items first; gains start at 0")
    return queries, scores, gains


def settled(values: Floats, counts: Flags, empty: Empty) -> Floats:
    """Return the values of queries that count, and for the others what they are to count as."""
    return np.where(counts, values, _EMPTY[empty])


def cut(cutoff: int) -> None:
    """Ensure that a cutoff is one."""
    if cutoff < 1:
        raise UsageError(f"the cutoff is {cutoff}", "give a cutoff of at least 1")
