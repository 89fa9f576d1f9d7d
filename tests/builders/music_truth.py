"""What the simulator knows of every search: what was clicked, played and saved, and which search it repeats.

From its arrays, not from its logs: so much of it as the logs hold, an extraction must find again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from builders.music import PlainFirstStage
from reprise.sandbox.music import World
from reprise.sandbox.music.day import Clicks, Plays, Searches, simulate_day
from reprise.sandbox.music.first_stage import Shelf


@dataclass(frozen=True)
class TruePlay:
    """One track played; ``touch`` is what it was opened from, ``at`` seconds since the first day."""

    id: str
    at: float
    track: str
    touch: str
    seconds: float
    autoplay: bool
    listened: bool  # for half a minute, or half of a short track


@dataclass(frozen=True)
class TrueClick:
    """A click with the plays that it led to, and what they were worth together."""

    item: str
    at: float
    saved: bool
    worth: float
    plays: list[TruePlay]


@dataclass
class TrueSearch:
    """One settled search; ``head`` is the id of the search that its journey began with."""

    id: str
    listener: str
    at: float
    shown: list[str]
    head: str
    retry: bool
    clicks: dict[str, TrueClick] = field(default_factory=dict)


@dataclass
class Truth:
    """Some days of a world: searches in order, and all plays of each listener in order."""

    searches: list[TrueSearch]
    plays: dict[str, list[TruePlay]]


def truth_of(world: World, stage: PlainFirstStage, days: Sequence[int]) -> Truth:
    """Return the truth of days of a world without feedback: each follows from the seed and its number."""
    shelf, truth = Shelf(world, stage), Truth([], {})
    optout = {key for key, out in zip(world.listeners.ids, world.listeners.optout, strict=True) if out}
    for day in days:
        searches, clicks, plays = simulate_day(world, day, shelf)
        tracks = _plays(world, day, plays)
        found = _searches(world, day, searches)
        _clicks(world, found, searches, clicks, plays, tracks)
        truth.searches += [search for search in found if search.listener not in optout]
        for user, play in zip(plays.user, tracks, strict=True):
            truth.plays.setdefault(world.listeners.ids[user], []).append(play)
    truth.searches.sort(key=lambda search: (search.listener, search.at))
    for some in truth.plays.values():
        some.sort(key=lambda play: play.at)
    return truth


def _plays(world: World, day: int, plays: Plays) -> list[TruePlay]:
    ids, listened = world.catalogue.ids, plays.seconds >= np.minimum(30, world.catalogue.duration_s[plays.track] / 2)
    return [
        TruePlay(
            f"p{day:04d}-{n:06d}", float(plays.at[n]), ids[track], ids[source] if source >= 0 else ids[track],
            round(float(plays.seconds[n]), 3), bool(plays.autoplay[n]), bool(listened[n]),
        )
        for n, (track, source) in enumerate(zip(plays.track, plays.source, strict=True))
    ]  # fmt: skip


def _searches(world: World, day: int, searches: Searches) -> list[TrueSearch]:
    found: list[TrueSearch] = []
    heads: dict[tuple[int, int], list[TrueSearch]] = {}
    for n, user in enumerate(searches.user):
        key, wish = f"q{day:04d}-{n:06d}", (int(user), int(searches.target[n]))
        shown = [world.catalogue.ids[item] for item in searches.shown[n] if item >= 0]
        search = TrueSearch(
            key, world.listeners.ids[user], float(searches.at[n]), shown, key, bool(searches.retry[n])
        )  # fmt: skip
        if search.retry:  # follows the latest search with the same wish
            earlier = [head for head in heads[wish] if head.at < search.at]
            search.head = max(earlier, key=lambda head: head.at).id
        else:
            heads.setdefault(wish, []).append(search)
        found.append(search)
    return found


def _clicks(
    world: World, found: list[TrueSearch], searches: Searches, clicks: Clicks, plays: Plays, tracks: list[TruePlay]
) -> None:
    """Give each search its clicks. A part's first plays are its clicks' own, in order; second tracks follow them."""
    of_retry = searches.retry[clicks.search]
    first_part = int((~of_retry).sum())
    second_start = _second_part(clicks, plays, first_part)
    searched = np.flatnonzero(plays.searched)
    further = {(int(plays.user[n]), int(plays.source[n]), float(plays.at[n])): tracks[n] for n in searched}
    for n, row in enumerate(clicks.search):
        place = n if n < first_part else second_start + n - first_part
        opened, user, item = tracks[place], int(searches.user[row]), int(clicks.item[n])
        second = further.get((user, item, float(clicks.at[n] + 3.5 + plays.seconds[place])))
        found[row].clicks[world.catalogue.ids[item]] = TrueClick(
            world.catalogue.ids[item], float(clicks.at[n]), not np.isnan(clicks.saved_at[n]), float(clicks.worth[n]),
            [opened, second] if second else [opened],
        )  # fmt: skip


def _second_part(clicks: Clicks, plays: Plays, first_part: int) -> int:
    """Return where the plays of reformulations begin: at the first click of theirs."""
    if first_part == len(clicks.item):
        return len(plays.user)
    begins = clicks.at[first_part] + 1.5
    (place,) = np.flatnonzero((plays.at == begins) & (plays.source == clicks.item[first_part]) & plays.searched)
    return int(place)
