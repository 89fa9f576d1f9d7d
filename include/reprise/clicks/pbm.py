"""The position-based model by expectation maximisation, on counts: how often a pair was shown and clicked at a place.

Slow to converge where places and pairs hang together loosely (a hundred iterations are few), so it checks a curve and
does not make one. With θ and attraction only their product is known; θ is 1 at the first place.
"""

from __future__ import annotations

from itertools import count

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
_TINY = 1e-12


def em(
    pair: Codes,
    place: Codes,
    shown: Floats,
    clicked: Floats,
    *,
    prior: tuple[float, float] = (1.0, 2.0),
    iterations: int = 200,
    tolerance: float = 1e-5,
) -> tuple[Floats, Floats, int]:
    """Return attraction by pair, θ by place from 0, and the iterations it took; one row per pair and place.

    ``prior`` is (clicks, impressions) added to each pair's own; EM ends when no parameter moves by ``tolerance``.
    """
    pairs, places = int(pair.max()) + 1, int(place.max()) + 1
    of_pair, of_place = _sums(pair, shown, pairs), _sums(place, shown, places)
    attraction = shares(_sums(pair, clicked, pairs), of_pair, prior)
    theta = 1.0 / np.arange(1, places + 1)
    for rounds in count(1):
        a, t = attraction[pair], theta[place]
        missed = np.maximum(1 - a * t, _TINY)
        liked = _sums(pair, clicked + (shown - clicked) * a * (1 - t) / missed, pairs)
        looked = _sums(place, clicked + (shown - clicked) * t * (1 - a) / missed, places)
        newer, curve = shares(liked, of_pair, prior), looked / np.maximum(of_place, _TINY)
        moved = max(np.abs(newer - attraction).max(), np.abs(curve - theta).max())
        attraction, theta = newer, curve
        if moved < tolerance or rounds >= iterations:
            break
    return np.minimum(attraction * theta[0], 1.0), theta / theta[0], rounds


def shares(successes: Floats, trials: Floats, prior: tuple[float, float]) -> Floats:
    """Return successes over trials, each with its prior's added; 0 where there is neither."""
    return np.divide(successes + prior[0], trials + prior[1], out=np.zeros(len(trials)), where=trials + prior[1] > 0)


def _sums(codes: Codes, values: Floats, size: int) -> Floats:
    return np.bincount(codes, weights=values, minlength=size).astype(np.float64)
