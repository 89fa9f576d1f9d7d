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
Shape = Literal["variance", "bias", "balanced"]
_LEARNED = 0.25
_UNLEARNED = 0.1
_LESS = {"leaves": "fewer leaves", "depth": "less depth", "ridge": "a stronger penalty"}
_MORE = {"leaves": "twice the leaves", "depth": "more depth", "ridge": "trees"}
_NOTICED = 0.001  # of the metric: a smaller gain is none, however sure
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


@dataclass(frozen=True)
class Curves:
    """A ranker among fits on fewer queries and of other sizes; NaN where there were none.

    ``rise``: what the last doubling of the training queries brought on held-out rows; ``flexible``: what a more
    flexible ranker brings there, trees beside a weighted sum; both with standard errors. ``spread``: how far training
    queries drawn anew move the held-out metric, as a standard deviation. ``error``: that metric's standard error.
    """

    train: float
    held_out: float
    error: float
    chance: float
    rise: float
    rise_error: float
    flexible: float
    flexible_error: float
    spread: float

    @property
    def unlearned(self) -> float:
        """The share of what lies between chance and a perfect order that is not learned even of its own rows."""
        return (1 - self.train) / (1 - self.chance) if self.chance < 1 else 0.0


def diagnose_curves(found: Curves, setting: str, allowed_gap: float) -> tuple[Shape, str]:
    """Return whether bias or variance stands in a ranker's way, and in words why and what to try.

    - *variance*: better on its own rows than on held-out ones, beyond chance; and by more than is allowed, or by more
      than is missing on its own rows, or while more queries still help. It learned its own queries.
    - *bias*: more flexibility learns what it does not. Where none was tried: both are close, more queries do not
      help, and more than a tenth is not learned even of its own rows.
    - *balanced*: neither. What is left no ranker of this kind learns from these features: labels are noisy.
    """
    gap = found.train - found.held_out
    apart, rises = gap > 2 * found.error, _sure(found.rise, found.rise_error)
    untried = np.isnan(found.flexible) and not apart and not rises and found.unlearned > _UNLEARNED
    said, more = f"training {found.train:.3f}, held out {found.held_out:.3f}", _more_data(found, rises)
    if apart and (rises or gap > min(allowed_gap, 1 - found.train)):
        less = _LESS.get(setting, "less freedom")
        return "variance", (
            f"variance: {said}, a gap of {gap:.3f} that chance ({found.error:.3f}) does not explain; {more}; "
            f"try more days of logs, {less}, or fewer features"
        )
    left = f"{found.unlearned:.0%} of what lies above a random order is not learned even of its own rows"
    if untried or _sure(found.flexible, found.flexible_error):
        tried = f"{_MORE.get(setting, 'more freedom')}: {_signed(found.flexible, found.flexible_error)} held out"
        return "bias", (
            f"bias: {said}; {left}{'' if untried else f', and more flexibility learns it ({tried})'}; {more}; "
            "try a more flexible family, or features that are missing"
        )
    return "balanced", f"balanced: {said}; {left}: noise of the labels, or features that are missing; {more}"


def _more_data(found: Curves, rises: bool) -> str:
    if np.isnan(found.rise):
        return "nothing is known of more data"
    by = f"{_signed(found.rise, found.rise_error)} for the last doubling of the queries"
    return f"more data would help ({by})" if rises else f"more data would not show ({by})"


def _sure(gain: float, error: float) -> bool:
    return bool(gain > 2 * error and gain > _NOTICED)


def _signed(gain: float, error: float) -> str:
    return f"{gain:+.3f} ± {error:.3f}"
