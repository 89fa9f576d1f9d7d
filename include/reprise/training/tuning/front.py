"""Which of many points nobody beats in everything, where the bend of that front is, and which point is taken.

Points are rows, objectives are columns, and more is better in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from reprise.training.data import Floats


def front(points: Floats) -> npt.NDArray[np.bool_]:
    """Return which points no other point dominates: at least as good in everything, better in something."""
    at_least = np.all(points[None, :, :] >= points[:, None, :], axis=2)
    better = np.any(points[None, :, :] > points[:, None, :], axis=2)
    return np.asarray(~np.any(at_least & better, axis=1))


def knee(points: Floats) -> int | None:
    """Return the front's point that is farthest beyond the plane through its ends; None where the front has no bend.

    Objectives are scaled so that the front's worst is 0 and its best 1. The plane passes through the points that are
    best in one objective each; with two objectives it is the chord (Das, *Structural Optimization* 18, 1999, calls it
    the convex hull of individual minima).
    """
    kept = np.flatnonzero(front(points))
    scaled = _scaled(points[kept])
    if len(kept) < 3 or scaled is None:
        return None
    ends = scaled[[int(np.lexsort((-scaled.sum(axis=1), -column))[0]) for column in scaled.T]]
    normal, *_ = np.linalg.lstsq(ends, np.ones(len(ends)), rcond=None)
    beyond = (scaled @ normal - 1) / np.linalg.norm(normal)
    best = int(np.argmax(beyond))
    return int(kept[best]) if beyond[best] > 1e-9 else None


@dataclass(frozen=True)
class Choice:
    """``point``: its row; ``why``: in words."""

    point: int
    why: str


def choose(points: Floats, how: Literal["bounded", "knee"], allowed_loss: float) -> Choice:
    """Return the point to take. ``bounded``: of those that lose at most so much of the first objective, the one that
    is best in the others, each scaled to the front, all alike. ``knee``: the knee, or else as ``bounded``.
    """
    at_knee = knee(points) if how == "knee" else None
    if at_knee is not None:
        return Choice(at_knee, "the knee of the front")
    kept = np.flatnonzero(front(points))
    first = points[kept, 0]
    if points.shape[1] == 1:
        return Choice(int(kept[0]), "the best value")
    near = kept[first >= first.max() - allowed_loss]
    spread = np.ptp(points[kept], axis=0)
    others = ((points[near] - points[kept].min(axis=0)) / np.where(spread > 0, spread, 1.0))[:, 1:].sum(axis=1)
    order = np.lexsort((near, -points[near, 0], -others))
    taken = int(near[order[0]])
    lost = first.max() - points[taken, 0]
    said = f"of {len(near)} points within {allowed_loss:g} of the best first objective, the best in the others"
    return Choice(taken, f"{said}; it loses {lost:.4f} of the first")


def _scaled(points: Floats) -> Floats | None:
    """Return the points with each objective from 0 to 1; None if one is the same everywhere."""
    low, spread = points.min(axis=0), np.ptp(points, axis=0)
    return None if np.any(spread == 0) else (points - low) / spread
