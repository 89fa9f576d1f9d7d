"""Intervention harvesting: position bias from items that stood at several positions.

Wherever the same item was shown at positions a and b for the same query, day, scope and surface, only the position
differs, so the ratio of its click rates is θ(b) / θ(a). Two estimators of one curve (Agarwal et al., *Estimating
position bias without intrusive interventions*, WSDM 2019):

- ``all_pairs``: the curve under which all such contrasts, near and far, are likeliest together. With the item's own
  relevance profiled out, as clicks are rare, a click of the pair (a, b) is one at a with the chance
  θ(a) / (θ(a) + θ(b)): a logistic regression of log θ;
- ``adjacent``: the same with neighbours alone, the chain of their ratios.

Contrasts are taken within the day and then pooled, since an item that is new or in fashion moves up while it is
clicked more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROUNDS, _SMALL = 60, 1e-9


@dataclass(frozen=True)
class Contrast:
    """All contrasts between position ``upper`` and a ``lower`` one, pooled by inverse variance.

    With n impressions and c clicks of an item at each of both places: clicks_upper += c_upper · n_lower / (n_upper +
    n_lower), and likewise below; ``pairs`` counts the (query, item, day, scope, surface) in which either place was
    clicked. ``part`` is the part of the queries it was taken from: whole queries are resampled, never clicks.
    """

    upper: int
    lower: int
    clicks_upper: float
    clicks_lower: float
    pairs: int
    surface: str = ""
    part: int = 0


@dataclass(frozen=True)
class Steps:
    """Which steps of the curve, from position k to k + 1, share one ratio: ``group`` numbers them from 0, in order."""

    group: NDArray[np.int64]
    evidence: tuple[int, ...]  # contrasts of each position with higher ones, position 1 having none

    @classmethod
    def of(cls, contrasts: Iterable[Contrast], positions: int, min_pairs: int, pool_from: int) -> Steps:
        """Return each step by itself down to ``pool_from``; below it, steps joined until ``min_pairs`` are reached."""
        pairs = np.zeros(positions + 1, dtype=np.int64)
        for contrast in contrasts:
            pairs[contrast.lower] += contrast.pairs
        groups: list[list[int]] = []
        for k in range(1, positions):
            if k > pool_from and pairs[[i + 1 for i in groups[-1]]].sum() < min_pairs:
                groups[-1].append(k)
            else:
                groups.append([k])
        while len(groups) > 1 and groups[-1][0] > pool_from and pairs[[i + 1 for i in groups[-1]]].sum() < min_pairs:
            last = groups.pop()
            groups[-1].extend(last)
        group = np.array([number for number, steps in enumerate(groups) for _ in steps], dtype=np.int64)
        joined = [int(pairs[[i + 1 for i in steps]].sum()) for steps in groups for _ in steps]
        return cls(group, (0, *joined))

    def thin(self, min_pairs: int) -> list[tuple[int, int, int]]:
        """Return (first, last, contrasts) of positions that were compared with higher ones too seldom."""
        found = []
        for number in np.unique(self.group):
            below = np.flatnonzero(self.group == number) + 2
            evidence = self.evidence[int(below[0]) - 1]
            if evidence < min_pairs:
                found.append((int(below[0]), int(below[-1]), evidence))
        return found


def fit(places: NDArray[np.int64], clicks: Floats, steps: Steps) -> Floats:
    """Return θ by position, 1 at the first, unclipped: the curve under which these contrasts are likeliest."""
    width = int(steps.group.max()) + 1
    crossed = np.zeros((len(places), width))
    for k, number in enumerate(steps.group, start=1):  # a pair crosses each step between its places
        crossed[:, number] += (places[:, 0] <= k) & (k < places[:, 1])
    drop = np.zeros(width)  # log θ(k) − log θ(k + 1)
    total = clicks.sum(axis=1)
    for _ in range(_ROUNDS):  # Newton; the likelihood is concave, and a step is at most a factor e²
        upper = 1.0 / (1.0 + np.exp(-crossed @ drop))
        slope = crossed.T @ (clicks[:, 0] - total * upper)
        curve = (crossed * (total * upper * (1.0 - upper))[:, None]).T @ crossed
        move = np.clip(np.linalg.solve(curve + _SMALL * np.eye(width), slope), -2.0, 2.0)
        drop += move
        if np.abs(move).max() < _SMALL:
            break
    return np.exp(-np.concatenate([[0.0], np.cumsum(drop[steps.group])]))


def harvested(
    contrasts: Sequence[Contrast], steps: Steps, resamples: int, seed: int = 0
) -> tuple[Floats, Floats, Floats]:
    """Return θ by position and the ends of its 95 % interval; without resamples the ends are NaN.

    Whole parts of the queries are drawn with replacement, and the interval is normal in log θ: by their quantiles
    alone, parts as unequal as queries are would give too short ones.
    """
    places, cell = np.unique([(c.upper, c.lower) for c in contrasts], axis=0, return_inverse=True)
    parts, part = np.unique([c.part for c in contrasts], return_inverse=True)
    clicks = np.zeros((len(parts), len(places), 2))
    np.add.at(clicks, (part, cell.ravel()), [(c.clicks_upper, c.clicks_lower) for c in contrasts])
    draws = np.random.default_rng(seed).multinomial(len(parts), np.full(len(parts), 1.0 / len(parts)), size=resamples)
    theta = fit(places, clicks.sum(axis=0), steps)
    if resamples < 2 or len(parts) < 2:
        return theta, np.full(len(theta), np.nan), np.full(len(theta), np.nan)
    again = np.array([fit(places, np.tensordot(times, clicks, axes=1), steps) for times in draws])
    spread = np.log(np.maximum(again, _SMALL)).std(axis=0, ddof=1) * np.sqrt(len(parts) / (len(parts) - 1))
    factor = np.exp(NormalDist().inv_cdf(0.975) * spread)
    return theta, theta / factor, theta * factor
