"""The click models: the position-based one, and two in which listeners go down the list and stop when satisfied.

- ``pbm``: a place is looked at with θ(place), whatever stands elsewhere (Craswell et al., WSDM 2008); by EM.
- ``dbn``: from the top down. An item looked at is clicked with its attraction; a clicked one satisfies with its
  satisfaction, and then nothing further is looked at; else the next place is, with γ (Chapelle & Zhang, *A dynamic
  Bayesian network click model for web search ranking*, WWW 2009); by EM.
- ``sdbn``: the same with γ = 1, by counting.

Each gives, for a (query, item), what it is worth to whoever looks at it: attraction, times satisfaction where there is
such a thing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reprise.clicks.pbm import em, shares
from reprise.clicks.sessions import Flags, Sessions
from reprise.errors import UsageError

Floats = NDArray[np.float64]
Name = Literal["pbm", "sdbn", "dbn"]
_TINY = 1e-12


@dataclass(frozen=True)
class Setting:
    """``prior`` is (successes, trials) added to each item's counts; ``gamma``: where EM of the DBN begins.

    ``fixed_gamma`` keeps it there. ``tolerance``: EM ends when no parameter moves further.
    """

    prior: tuple[float, float] = (1.0, 2.0)
    gamma: float = 0.9
    fixed_gamma: bool = False
    iterations: int = 200
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        if not 0 <= self.prior[0] <= self.prior[1]:
            raise UsageError(f"the prior is {self.prior}", "give successes and trials, no more of the former")
        if not 0 < self.gamma <= 1:
            raise UsageError(f"gamma is {self.gamma}", "give a chance above 0 and at most 1")
        if self.iterations < 1:
            raise UsageError(f"{self.iterations} iterations", "give at least 1")


@dataclass(frozen=True)
class Fitted:
    """A model's parameters: per pair ``attraction`` and ``satisfaction`` (1 in the PBM), and how the list is read.

    ``theta``: by place, of the PBM, 1 at the first; ``gamma``: of the others. ``unseen``: attraction and satisfaction
    of a pair it was not fitted on.
    """

    name: Name
    attraction: Floats
    satisfaction: Floats
    theta: Floats
    gamma: float
    unseen: tuple[float, float]
    rounds: int = 0

    @property
    def worth(self) -> Floats:
        """What each pair is worth to whoever looks at it, 0..1."""
        return self.attraction * self.satisfaction

    def marginal(self, sessions: Sessions) -> Floats:
        """Return P(click) at each place, knowing the list alone; 0 where there is no item."""
        a, s = self._of(sessions)
        if self.name == "pbm":
            return a * self._theta(sessions)
        return self._down(a, lambda k, looked: looked * self.gamma * (1 - a[:, k] * s[:, k]))

    def given_clicks_above(self, sessions: Sessions) -> Floats:
        """Return P(click) at each place, knowing the list and the clicks above it; 0 where there is no item."""
        a, s = self._of(sessions)
        if self.name == "pbm":
            return a * self._theta(sessions)

        def further(k: int, looked: Floats) -> Floats:
            after_none = looked * (1 - a[:, k]) / np.maximum(1 - looked * a[:, k], _TINY)
            return self.gamma * np.where(sessions.clicked[:, k], 1 - s[:, k], after_none)

        return self._down(a, further)

    @staticmethod
    def _down(a: Floats, further: Callable[[int, Floats], Floats]) -> Floats:
        """Return P(click) at each place; ``further`` gives P(the next is looked at) from the place and P(this is)."""
        looked, found = np.ones(len(a)), np.zeros(a.shape)
        for k in range(a.shape[1]):
            found[:, k] = looked * a[:, k]
            looked = further(k, looked)
        return found

    def _of(self, sessions: Sessions) -> tuple[Floats, Floats]:
        known, shown = sessions.pair, sessions.shown
        a = np.where(shown, self.attraction[np.maximum(known, 0)], 0.0)
        s = np.where(shown, self.satisfaction[np.maximum(known, 0)], 0.0)
        new = shown & np.isnan(a)
        return np.where(new, self.unseen[0], a), np.where(shown & np.isnan(s), self.unseen[1], s)

    def _theta(self, sessions: Sessions) -> Floats:
        width = sessions.pair.shape[1]
        deep = np.full(max(width - len(self.theta), 0), self.theta[-1])  # below the deepest place known, as there
        return np.concatenate([self.theta, deep])[:width]


def fit(name: Name, sessions: Sessions, setting: Setting | None = None) -> Fitted:
    """Return a model fitted on the sessions; a pair they never show has NaN."""
    setting = setting or Setting()
    if name == "pbm":
        return _pbm(sessions, setting)
    return _sdbn(sessions, setting) if name == "sdbn" else _dbn(sessions, setting)


def _finished(name: Name, sessions: Sessions, a: Floats, s: Floats, theta: Floats, gamma: float, n: int) -> Fitted:
    """Return the parameters, NaN where a pair was never shown, and what a new pair is taken for: the mean of all."""
    counts = np.bincount(sessions.pair[sessions.shown], minlength=len(sessions.pairs))
    known = counts > 0
    clicks = sessions.per_pair(sessions.clicked, sessions.shown)
    unseen = (float(np.average(a[known], weights=counts[known])), 1.0)
    if name != "pbm":
        unseen = (unseen[0], float(np.average(s[known], weights=clicks[known] + _TINY)))
    return Fitted(name, np.where(known, a, np.nan), np.where(known, s, np.nan), theta, gamma, unseen, n)


def _pbm(sessions: Sessions, setting: Setting) -> Fitted:
    """EM on counts: sessions that show a pair at a place are alike."""
    width = sessions.pair.shape[1]
    row, place = np.nonzero(sessions.shown)
    cells, cell = np.unique(sessions.pair[row, place] * width + place, return_inverse=True)
    pair, place = np.divmod(cells, width)
    shown = np.bincount(cell).astype(np.float64)
    clicked = np.bincount(cell, weights=sessions.clicked[sessions.shown]).astype(np.float64)
    known, theta, rounds = em(
        pair,
        place,
        shown,
        clicked,
        prior=setting.prior,
        iterations=setting.iterations,
        tolerance=setting.tolerance,
    )
    attraction = np.zeros(len(sessions.pairs))
    attraction[: len(known)] = known
    return _finished("pbm", sessions, attraction, np.ones(len(attraction)), theta, 1.0, rounds)


def _sdbn(sessions: Sessions, setting: Setting) -> Fitted:
    """Counting: with γ = 1 all down to the last click was looked at, and where that did not satisfy, the whole list."""
    looked = _down_to(sessions, np.where(_stopped(sessions), sessions.last, sessions.pair.shape[1] - 1))
    clicks = sessions.per_pair(sessions.clicked, sessions.shown)
    a = shares(clicks, sessions.per_pair(looked, sessions.shown), setting.prior)
    s = shares(sessions.per_pair(sessions.satisfied, sessions.shown), clicks, setting.prior)
    return _finished("sdbn", sessions, a, s, np.ones(1), 1.0, 1)


def _stopped(sessions: Sessions) -> Flags:
    """Return which sessions ended with a satisfying click."""
    last = sessions.last
    return (last >= 0) & sessions.satisfied[np.arange(len(last)), np.maximum(last, 0)]


def _down_to(sessions: Sessions, place: NDArray[np.int64]) -> Flags:
    return (np.arange(sessions.pair.shape[1]) <= place[:, None]) & sessions.shown


def _dbn(sessions: Sessions, setting: Setting) -> Fitted:
    """EM: what is not seen is how far down a listener went after the last click, and, without plays, why no further."""
    clicks = sessions.per_pair(sessions.clicked, sessions.shown)
    a = shares(clicks, sessions.per_pair(sessions.shown, sessions.shown), setting.prior)
    s, gamma = np.full(len(a), 0.5), setting.gamma
    if sessions.plays:
        s = shares(sessions.per_pair(sessions.satisfied, sessions.shown), clicks, setting.prior)
    for rounds in count(1):
        looked, content, went, could = _expected(sessions, a, s, gamma)
        newer = shares(clicks, sessions.per_pair(looked, sessions.shown), setting.prior)
        happier = s if sessions.plays else shares(sessions.per_pair(content, sessions.shown), clicks, setting.prior)
        chance = gamma if setting.fixed_gamma or could <= 0 else went / could
        moved = max(np.abs(newer - a).max(), np.abs(happier - s).max(), abs(chance - gamma))
        a, s, gamma = newer, happier, chance
        if moved < setting.tolerance or rounds >= setting.iterations:
            break
    return _finished("dbn", sessions, a, s, np.ones(1), float(gamma), rounds)


def _expected(sessions: Sessions, a: Floats, s: Floats, gamma: float) -> tuple[Floats, Floats, float, float]:
    """Return P(looked at) and P(satisfied by it) at each place, and how often listeners went on, and could have.

    Down to the last click all was looked at, and nothing above it satisfied. After it either it satisfied, or the
    listener went down to some place d without a click and stopped there, or at the list's end.
    """
    shown, last, width = sessions.shown, sessions.last, sessions.pair.shape[1]
    attraction = np.where(shown, a[np.maximum(sessions.pair, 0)], 0.0)
    length, rows, end = shown.sum(axis=1), np.arange(len(last)), np.maximum(last, 0)
    by_last = np.where(last >= 0, s[np.maximum(sessions.pair[rows, end], 0)], 0.0)
    if sessions.plays:
        by_last = _stopped(sessions).astype(float)
    depth = np.arange(width)
    start = np.where(last >= 0, last, 0)  # without a click, the first place was looked at all the same
    passed = np.where((depth > last[:, None]) & shown, 1 - attraction, 1.0)
    below = np.cumprod(passed, axis=1) * gamma ** np.maximum(depth - start[:, None], 0)
    stops = np.where(depth == (length - 1)[:, None], 1.0, 1 - gamma)
    ways = np.where((depth >= start[:, None]) & shown, below * stops, 0.0) * (1 - by_last)[:, None]
    total = np.maximum(ways.sum(axis=1) + by_last, _TINY)
    depths, satisfied = ways / total[:, None], by_last / total
    reached = np.cumsum(depths[:, ::-1], axis=1)[:, ::-1]  # P(went at least so far), unless satisfied
    looked = np.where(depth <= start[:, None], 1.0, reached) * shown
    content = np.zeros(shown.shape)
    content[rows, end] = np.where(last >= 0, satisfied, 0.0)
    went = looked[:, 1:].sum()
    could = (looked * (depth < (length - 1)[:, None])).sum() - (satisfied * ((last >= 0) & (last < length - 1))).sum()
    return looked, content, float(went), float(could)
