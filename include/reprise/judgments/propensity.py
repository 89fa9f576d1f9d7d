"""Position bias θ: how likely the item at a position is looked at, position 1 = 1.

Intervention harvesting, adjacent chain (Agarwal et al., WSDM 2019): wherever the same item stood at k and at k + 1
for the same query, day, scope and surface, only the position differs, so the ratio of click rates is
θ(k+1) / θ(k). Contrasts are taken within the day and then pooled, since an item that is new or in fashion moves up
while it is clicked more. Few look deep: from ``pool_from`` down, where that is set, neighbouring steps are pooled
until they have the contrasts that one needs, and share one ratio. Where rankers never disagree and nothing is swapped
there is nothing to compare, and no method can tell position from relevance: then this says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reprise.settings.gate import Theta


@dataclass(frozen=True)
class Contrast:
    """All contrasts between position ``upper`` and the next one, pooled by inverse variance.

    With n impressions and c clicks at each of both places: upper += c_k·n_k+1 / (n_k + n_k+1), and likewise below;
    ``pairs`` counts the (query, item, day, scope, surface) in which either place was clicked.
    """

    upper: int
    clicks_upper: float
    clicks_lower: float
    pairs: int


@dataclass(frozen=True)
class Curve:
    """One θ per position from 1; ``method`` is harvested, assumed or constant."""

    variant: str
    theta: tuple[float, ...]
    pairs: tuple[int, ...]  # contrasts behind each position; 0 where none were used
    method: str


def curves(contrasts: Sequence[Contrast], settings: Theta, positions: int) -> tuple[list[Curve], str]:
    """Return the curves measured, one, assumed and steep, and why θ could not be measured (empty if it was).

    Where it could not, ``measured`` holds the assumed curve and its method says so.
    """
    assumed, none = _assumed(settings, positions), (0,) * positions
    steep = tuple(max(settings.clip, float(t**settings.steep_power)) for t in assumed)
    steps, reason = _steps({c.upper: c for c in contrasts}, settings, positions)
    measured = Curve("measured", assumed, none, "assumed") if reason else _chain(steps, settings.clip)
    constant = Curve("one", (1.0,) * positions, none, "constant")
    return [
        measured,
        constant,
        Curve("assumed", assumed, none, "assumed"),
        Curve("steep", steep, none, "assumed"),
    ], reason


def _assumed(settings: Theta, positions: int) -> tuple[float, ...]:
    given = settings.assumed[:positions]
    return tuple(max(settings.clip, t) for t in (*given, *[given[-1]] * (positions - len(given))))


def _steps(by_upper: dict[int, Contrast], settings: Theta, positions: int) -> tuple[list[Contrast], str]:
    """Return the contrast behind each step from 1→2 on, deep ones pooled, and why there is none (else empty)."""
    groups: list[list[Contrast]] = []
    pool_from = settings.pool_from or positions
    for k in range(1, positions):
        step = by_upper.get(k, Contrast(k, 0.0, 0.0, 0))
        if k > pool_from and _thin(groups[-1], settings.min_pairs):
            groups[-1].append(step)
        else:
            groups.append([step])
    while len(groups) > 1 and groups[-1][0].upper > pool_from and _thin(groups[-1], settings.min_pairs):
        last = groups.pop()
        groups[-1].extend(last)
    short = [group for group in groups if _thin(group, settings.min_pairs)]
    if short:
        listed = ", ".join(f"{group[0].upper}→{group[-1].upper + 1}: {_pooled(group).pairs}" for group in short)
        return [], (
            f"too few items were seen at neighbouring positions on one day ({listed}; {settings.min_pairs} needed)"
        )
    return [_pooled(group) for group in groups for _ in group], ""


def _pooled(group: Sequence[Contrast]) -> Contrast:
    uppers, lowers = (sum(c.clicks_upper for c in group), sum(c.clicks_lower for c in group))
    return Contrast(group[0].upper, uppers, lowers, sum(c.pairs for c in group))


def _thin(group: Sequence[Contrast], min_pairs: int) -> bool:
    pooled = _pooled(group)
    return pooled.pairs < min_pairs or pooled.clicks_upper <= 0


def _chain(steps: Sequence[Contrast], clip: float) -> Curve:
    """Multiply the ratios down from position 1; each θ stays within clip..1."""
    theta = np.clip(np.cumprod([1.0, *(step.clicks_lower / step.clicks_upper for step in steps)]), clip, 1.0)
    pairs = (steps[0].pairs if steps else 0, *(step.pairs for step in steps))
    return Curve("measured", tuple(float(t) for t in theta), pairs, "harvested")
