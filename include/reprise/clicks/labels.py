"""What each method says a (query, item) is worth: the click models, and two rules of thumb to beat.

- ``ctr``: clicks over impressions. What stands first is clicked first, so it repeats the ranking that was live.
- ``ctr_at_1``: GOV.UK's rule (alphagov/search-api, `relevancy_judgements.rb`): items by their mean place; each click
  higher up is taken as a search that ended there, so it is subtracted from the views below. Grades 0 to 3 by the
  percentage: from 20, from 10, from 2; with three views or fewer, 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from reprise.clicks.models import Floats, Setting, fit
from reprise.clicks.sessions import Sessions

Method = Literal["pbm", "sdbn", "dbn", "ctr", "ctr_at_1"]
METHODS: tuple[Method, ...] = get_args(Method)
_FEW_VIEWS, _UNSURE = 3, 1
_CUTS = (0.02, 0.1, 0.2)


@dataclass(frozen=True)
class Label:
    """One (query, item): how often it was shown and clicked, and what it is worth to whoever looks at it, 0..1.

    ``attraction`` and ``satisfaction`` are None where the method has no such thing; so is ``grade``.
    """

    query: str
    item: str
    impressions: int
    clicks: int
    worth: float
    attraction: float | None = None
    satisfaction: float | None = None
    grade: int | None = None


def labels(sessions: Sessions, method: Method, setting: Setting | None = None) -> list[Label]:
    """Return a label for every pair shown, in the order in which pairs first appear."""
    shown = sessions.per_pair(np.ones(sessions.pair.shape), sessions.shown)
    clicks = sessions.per_pair(sessions.clicked, sessions.shown)
    there = np.flatnonzero(shown)
    if method == "ctr":
        return [_label(sessions, n, shown, clicks, clicks[n] / shown[n]) for n in there.tolist()]
    if method == "ctr_at_1":
        places = np.tile(np.arange(1, sessions.pair.shape[1] + 1), (len(sessions.pair), 1))
        mean_place = sessions.per_pair(places, sessions.shown) / np.maximum(shown, 1)
        return _ctr_at_1(sessions, there.tolist(), shown, clicks, mean_place)
    fitted = fit(method, sessions, setting)
    return [
        _label(
            sessions, n, shown, clicks, fitted.worth[n],
            attraction=float(fitted.attraction[n]),
            satisfaction=None if method == "pbm" else float(fitted.satisfaction[n]),
        )
        for n in there.tolist()
    ]  # fmt: skip


def _label(sessions: Sessions, pair: int, shown: Floats, clicks: Floats, worth: float, **more: float | None) -> Label:
    query, item = sessions.pairs[pair]
    return Label(query, item, int(shown[pair]), int(clicks[pair]), float(worth), **more)  # type: ignore[arg-type]


def _ctr_at_1(sessions: Sessions, there: list[int], shown: Floats, clicks: Floats, place: Floats) -> list[Label]:
    by_query: dict[str, list[int]] = {}
    for n in there:
        by_query.setdefault(sessions.pairs[n][0], []).append(n)
    found = {}
    for pairs in by_query.values():
        above = 0.0
        for n in sorted(pairs, key=lambda n: (place[n], n)):
            views = max(shown[n] - above, clicks[n])
            above += clicks[n]
            rate = clicks[n] / views if views else 0.0
            grade = sum(rate >= cut for cut in _CUTS) if views > _FEW_VIEWS else _UNSURE
            found[n] = _label(sessions, n, shown, clicks, rate, grade=int(grade))
    return [found[n] for n in there]
