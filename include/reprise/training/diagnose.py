"""Does a ranker fit? A verdict in words from its curves, with the numbers behind it and what to try next.

Rules, the first that holds:

- *underfitted*: of what lies between a random order and a perfect one, less than a quarter is learned even of the rows
  it was trained on;
- *overfitted*: the kept round is better on training rows than on held-out ones by more than the allowed gap, and by
  more than twice the held-out standard error (else the gap may be chance);
- *unfinished*: the held-out metric was at its best in the last twentieth of the rounds, and still rising;
- *fits*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reprise.training.data import Floats

Fit = Literal["underfitted", "overfitted", "unfinished", "fits"]
_LEARNED = 0.25
_LAST = 0.05


@dataclass(frozen=True)
class Diagnosis:
    """``gap``: training minus held-out at the kept round; ``best_round`` (from 1): held-out's best of ``rounds``.

    ``fell``: how far the held-out metric was below its best at the last round. ``chance``: a random order's value on
    the training rows. ``error``: the held-out metric's standard error.
    """

    verdict: Fit
    words: str
    train: float
    held_out: float
    gap: float
    error: float
    chance: float
    kept_round: int
    best_round: int
    rounds: int
    fell: float


def diagnose(
    train: Sequence[float], held_out: Sequence[float], kept_round: int, chance: float, error: float, allowed_gap: float
) -> Diagnosis:
    """Return the verdict on a ranker whose metric on both kinds of rows is known for every round."""
    at, rounds = kept_round - 1, len(held_out)
    best, gap = int(np.argmax(held_out)), train[at] - held_out[at]
    learned = (train[at] - chance) / (1 - chance) if chance < 1 else 1.0
    said = f"training {train[at]:.3f}, held out {held_out[at]:.3f}"
    verdict: Fit
    if learned < _LEARNED:
        verdict = "underfitted"
        words = (
            f"underfitted: {said}; a random order has {chance:.3f}, so {learned:.0%} is learned of what there is; "
            "try more features, more leaves, a higher learning rate or less regularisation"
        )
    elif gap > max(allowed_gap, 2 * error):
        verdict = "overfitted"
        words = (
            f"overfitted: {said}, a gap of {gap:.3f} (at most {allowed_gap:.3f}); held out was best at round "
            f"{best + 1} of {rounds}; try fewer leaves or features, more rows per leaf or queries, slower learning"
        )
    elif rounds > 1 and best >= rounds * (1 - _LAST) and held_out[-1] > held_out[int(rounds * (1 - 2 * _LAST))]:
        verdict = "unfinished"
        words = f"unfinished: {said}; held out still rises at round {best + 1} of {rounds}; try more trees"
    else:
        verdict, words = "fits", f"fits: {said}, a gap of {gap:.3f} (at most {allowed_gap:.3f})"
    fell = float(held_out[best] - held_out[-1])
    return Diagnosis(verdict, words, train[at], held_out[at], gap, error, chance, kept_round, best + 1, rounds, fell)


def standard_error(values: Floats, weights: Floats) -> float:
    """Return the standard error of a weighted mean over queries (Cochran, 1977, ratio form); NaN does not count."""
    counts = ~np.isnan(values)
    v, w = values[counts], weights[counts]
    if len(v) < 2:
        return float("nan")
    share = w / w.sum()
    return float(np.sqrt(len(v) / (len(v) - 1) * np.sum((share * (v - share @ v)) ** 2)))
