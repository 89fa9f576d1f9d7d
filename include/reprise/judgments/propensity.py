"""Position bias θ: how likely the item at a position is looked at, position 1 = 1; measured, given or assumed.

Few look deep: from ``pool_from`` down, where that is set, neighbouring steps are pooled until they have the contrasts
that one needs, and share one ratio. A surface with evidence enough (a phone's list, a desktop's grid) has a curve of
its own. Where rankers never disagree and nothing is swapped there is nothing to compare, and no method can tell
position from relevance: then this says so, and what to log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reprise.clicks.pbm import em
from reprise.judgments.harvest import Contrast, Steps, harvested
from reprise.judgments.trust import Level, affine, lacking
from reprise.settings.gate import Theta

_EM_ITERATIONS = 1500
REMEDY = (
    "let two rankers answer the same queries on the same days, or exchange two neighbours in 2 to 5 % of the answers "
    "and log `swapped`; or, from a measurement of your own, give the curve: theta.method given"
)


@dataclass(frozen=True)
class Curve:
    """One θ per position from 1; ``method`` is all_pairs, adjacent, affine, given, assumed, constant or em.

    ``low`` and ``high`` are the 95 % interval at each position, empty where nothing was measured; ``surface`` is
    empty for the curve of every surface that has none of its own.
    """

    variant: str
    theta: tuple[float, ...]
    method: str
    pairs: tuple[int, ...]  # contrasts of each position with higher ones; 0 where none were used
    surface: str = ""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    trust: tuple[float, ...] = ()  # what each position brings by itself; empty: nothing


def curves(contrasts: Sequence[Contrast], settings: Theta, positions: int) -> tuple[list[Curve], str]:
    """Return the curves measured, one, assumed and steep, and why θ could not be measured (empty if it was).

    Where it could not, ``measured`` holds the assumed curve and its method says so. Curves that surfaces have of
    their own follow.
    """
    assumed, none = _assumed(settings, positions), (0,) * positions
    steep = tuple(max(settings.clip, float(t**settings.steep_power)) for t in assumed)
    used = [c for c in contrasts if settings.method == "all_pairs" or c.lower == c.upper + 1]
    measured, reason = _measured(used, settings, positions, "", settings.min_pairs)
    others = [
        Curve("one", (1.0,) * positions, "constant", none),
        Curve("assumed", assumed, "assumed", none),
        Curve("steep", steep, "assumed", none),
    ]
    if measured is None:
        method = "given" if settings.method == "given" else "assumed"
        return [Curve("measured", assumed, method, none), *others], reason
    return [measured, *others, *_own(used, settings, positions)], ""


def by_em(cells: Sequence[tuple[object, int, float, float]], positions: int, clip: float) -> Curve | None:
    """Return the curve that the position-based model has by EM, to check a measured one; None without cells.

    A cell is (any key of the pair and its day, position from 1, impressions, clicks). No pair has a prior: one that
    says little would be drawn to it, whatever its place.
    """
    if not cells:
        return None
    keys = {key: number for number, key in enumerate(dict.fromkeys(cell[0] for cell in cells))}
    pair = np.array([keys[cell[0]] for cell in cells], dtype=np.int64)
    place = np.array([cell[1] - 1 for cell in cells], dtype=np.int64)
    shown, clicked = (np.array([cell[n] for cell in cells], dtype=np.float64) for n in (2, 3))
    _, theta, _ = em(pair, place, shown, np.minimum(clicked, shown), prior=(0.0, 0.0), iterations=_EM_ITERATIONS)
    if len(theta) < positions:
        return None
    return Curve("em", tuple(float(t) for t in np.clip(theta, clip, 1.0)), "em", (len(keys),) * positions)


def with_trust(levels: Sequence[Level], settings: Theta, positions: int) -> tuple[Curve | None, str]:
    """Return the measured curve with what each position brings by itself, or None and why not."""
    if reason := lacking(levels, positions, settings.min_pairs):
        return None, reason
    alpha, beta = affine(levels, positions)
    pairs = tuple(sum(level.pairs for level in levels if level.lower == k) for k in range(1, positions + 1))
    theta = tuple(float(t) for t in np.clip(alpha, settings.clip, 1.0))
    return Curve("measured", theta, "affine", pairs, trust=tuple(float(t) for t in beta)), ""


def _own(used: Sequence[Contrast], settings: Theta, positions: int) -> list[Curve]:
    """Return the curves of surfaces that have the evidence for one; where there is but one surface, none."""
    surfaces = sorted({c.surface for c in used})
    if settings.min_surface_pairs is None or len(surfaces) < 2:
        return []
    found = []
    for surface in surfaces:
        mine = [c for c in used if c.surface == surface]
        curve, _ = _measured(mine, settings, positions, surface, settings.min_surface_pairs)
        if curve is not None:
            found.append(curve)
    return found


def _measured(
    used: Sequence[Contrast], settings: Theta, positions: int, surface: str, min_pairs: int
) -> tuple[Curve | None, str]:
    if settings.method == "given":
        return None, "the deployment gives the curve (theta.method given)"
    steps = Steps.of(used, positions, min_pairs, settings.pool_from or positions)
    if thin := steps.thin(min_pairs):
        listed = ", ".join(f"{first if first == last else f'{first}–{last}'}: {pairs}" for first, last, pairs in thin)
        return None, (
            "too few items were seen both at a position and at a higher one, for one query on one day "
            f"({listed}; {min_pairs} needed); {REMEDY}"
        )
    theta, low, high = (
        tuple(float(t) for t in np.clip(values, settings.clip, 1.0))
        for values in harvested(used, steps, settings.resamples)
    )
    known = not np.isnan(low).any()
    return Curve(
        "measured", theta, settings.method, steps.evidence, surface, low if known else (), high if known else ()
    ), ""


def _assumed(settings: Theta, positions: int) -> tuple[float, ...]:
    given = settings.assumed[:positions]
    return tuple(max(settings.clip, t) for t in (*given, *[given[-1]] * (positions - len(given))))
