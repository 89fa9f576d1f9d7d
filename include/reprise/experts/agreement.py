"""How far graders agree: Krippendorff's α, 1 for always, 0 for as if by chance, below it for worse.

α = 1 − observed / expected disagreement, over all pairs of grades that one item has from different graders, whoever
gave them and however many there are (Krippendorff, *Content Analysis*, 4th ed., ch. 12; *Computing Krippendorff's
alpha-reliability*, 2011). ``ordinal``: grades are an order, and two apart differ by all the grades given between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reprise.experts.grades import Grade

Level = Literal["nominal", "ordinal", "interval"]
#: Krippendorff's own advice: from 0.8 reliable, from 0.667 for tentative conclusions alone.
RELIABLE, TENTATIVE = 0.8, 0.667


@dataclass(frozen=True)
class Agreement:
    """``alpha`` is NaN where no item has two graders, or all grades are one."""

    alpha: float
    items: int  # graded by two or more
    grades: int  # of those
    by_grader: dict[str, float]  # how far each is from the others on average, in grades, signed

    @property
    def in_words(self) -> str:
        """What the number allows."""
        if np.isnan(self.alpha):
            return "cannot be told: no two graders differ, or none share an item"
        return (
            "reliable" if self.alpha >= RELIABLE else "fit for tentative conclusions" if self.alpha >= TENTATIVE
            else "too low to rely on: agree on what the grades mean first"
        )  # fmt: skip


def agreement(grades: Iterable[Grade]) -> Agreement:
    """Return how far these grades agree, one per grader and pair."""
    by_pair: dict[tuple[str, str], list[Grade]] = {}
    for grade in grades:
        by_pair.setdefault((grade.query_group, grade.item), []).append(grade)
    shared = [given for given in by_pair.values() if len(given) > 1]
    apart: dict[str, list[float]] = {}
    for given in shared:
        for one in given:
            others = [other.grade for other in given if other is not one]
            apart.setdefault(one.grader, []).append(one.grade - sum(others) / len(others))
    return Agreement(
        alpha([[one.grade for one in given] for given in shared]),
        len(shared),
        sum(len(given) for given in shared),
        {grader: float(np.mean(gaps)) for grader, gaps in sorted(apart.items())},
    )


def alpha(units: Sequence[Sequence[int]], level: Level = "ordinal") -> float:
    """Return Krippendorff's α of units, each with the values it was given; those with fewer than two say nothing."""
    pairable = [unit for unit in units if len(unit) > 1]
    if not pairable:
        return float("nan")
    values, codes = np.unique([value for unit in pairable for value in unit], return_inverse=True)
    observed, start = np.zeros((len(values), len(values))), 0
    for unit in pairable:
        counts = np.bincount(codes[start : start + len(unit)], minlength=len(values)).astype(float)
        observed += (np.outer(counts, counts) - np.diag(counts)) / (len(unit) - 1)
        start += len(unit)
    totals = observed.sum(axis=1)
    distance = _distances(values.astype(float), totals, level)
    by_chance = (np.outer(totals, totals) * distance).sum() / (totals.sum() - 1)
    return float(1 - (observed * distance).sum() / by_chance) if by_chance > 0 else float("nan")


def _distances(values: NDArray[np.float64], totals: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    # Of grades that are an order, a grade lies in the middle of all those given it.
    at = values if level == "interval" else np.cumsum(totals) - totals / 2
    squared: NDArray[np.float64] = np.square(at[:, None] - at[None, :])
    return squared
