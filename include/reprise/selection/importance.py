"""What a ranker loses on held-out queries where one feature tells it nothing: permutation importance (Breiman, 2001).

A feature's values change places within their query only. Across queries they would also destroy what tells queries
apart, which no order within a query can use, and would make vectors that no search has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.metrics import compare
from reprise.training.data import Rows

Floats = NDArray[np.float64]
Scorer = Callable[[NDArray[np.float32]], Floats]


@dataclass(frozen=True)
class Importance:
    """What the deciding metric falls by without a feature, on average over permutations; its interval over queries."""

    name: str
    loss: float
    lower: float
    upper: float


def permutation_importance(
    rows: Rows, scorer: Scorer, repeats: int = 5, confidence: float = 0.95, seed: int = 0
) -> list[Importance]:
    """Return the importance of every feature, in the rows' order; ``rows`` are all judged.

    A query-level feature, the same for all its items, cannot change places within a query: where it decides with
    others, it has importance all the same, so its values are taken from another query at random.
    """
    base = rows.per_query(scorer(rows.vectors))
    random = np.random.default_rng(seed)
    found = []
    for column, name in enumerate(rows.names):
        losses = np.mean(
            [base - rows.per_query(scorer(_without(rows, column, random))) for _ in range(repeats)], axis=0
        )
        sure = compare(losses, np.zeros_like(losses), rows.traffic_per_query, confidence=confidence, seed=seed)
        found.append(Importance(name, sure.difference, sure.lower, sure.upper))
    return found


def _without(rows: Rows, column: int, random: np.random.Generator) -> NDArray[np.float32]:
    values = rows.vectors[:, column]
    moved = rows.vectors.copy()
    first = np.r_[0, np.cumsum(rows.group_sizes)[:-1]]
    if np.array_equal(values, np.repeat(values[first], rows.group_sizes)):
        moved[:, column] = np.repeat(random.permutation(values[first]), rows.group_sizes)
        return moved
    # Sorted by query, then at random: a permutation that leaves every value in its query.
    moved[np.lexsort((np.arange(len(values)), rows.codes)), column] = values[
        np.lexsort((random.random(len(values)), rows.codes))
    ]
    return moved


def unneeded_first(importances: Sequence[Importance], dearness: Callable[[str], int]) -> list[Importance]:
    """Return them in the order to be tried without: not missed before missed, dear before cheap, then the least loss.

    Not missed: the interval reaches 0.
    """
    return sorted(importances, key=lambda one: (one.lower > 0, -dearness(one.name), one.loss, one.name))
