"""One day of searching and listening, as arrays; it depends on the world, the day and the lists alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from reprise.sandbox.music.catalogue import Catalogue, Floats, Ints
from reprise.sandbox.music.config import (
    REFORMULATE_SHARE,
    REPEAT_SHARE,
    ROWS,
    SAVE_SHARE,
    SECOND_CHILD_SHARE,
    SWAP_SHARE,
    THETA,
    stream,
)
from reprise.sandbox.music.first_stage import Shelf
from reprise.sandbox.music.listening import Bools, attraction, listen, satisfaction, utility
from reprise.sandbox.music.world import World

DAY_S = 86400.0
_HOURS = np.array([3, 2, 2, 3, 4, 4, 4, 4, 4, 4, 4, 5, 6, 7, 8, 9, 9, 8, 6, 4, 3, 2, 2, 2], dtype=float)  # UTC


@dataclass
class Searches:
    """Settled searches. ``at``: seconds since the first day; ``swapped``: the rank exchanged with the next, or 0."""

    user: Ints
    target: Ints
    text: Ints
    at: Floats
    retry: Bools
    shown: Ints
    swapped: Ints


@dataclass
class Clicks:
    """Clicks in time order within their search; ``worth`` is the utility that followed, in [0, 1]."""

    search: Ints
    rank: Ints
    item: Ints
    at: Floats
    saved_at: Floats
    worth: Floats
    success: Bools


@dataclass
class Plays:
    """Tracks played. ``source``: the item it was opened from, −1 for the listener's own library or radio."""

    user: Ints
    track: Ints
    at: Floats
    seconds: Floats
    source: Ints
    autoplay: Bools
    searched: Bools


T = TypeVar("T", Searches, Clicks, Plays)


def simulate_day(world: World, day: int, shelf: Shelf, boost: Floats | None = None) -> tuple[Searches, Clicks, Plays]:
    """Return what happens on a day: first searches, their reformulations, and plays that no search caused."""
    rng = stream(world.seed, 10, day)
    first = _look(rng, world, shelf, _journeys(rng, world, day, boost))
    clicks, plays = outcome(rng, world, first)
    again = _look(rng, world, shelf, _reformulations(rng, world, first, clicks))
    more_clicks, more_plays = outcome(rng, world, again)
    more_clicks = replace(more_clicks, search=more_clicks.search + len(first.user))
    organic = _organic(rng, world, day, boost, len(plays.user) + len(more_plays.user))
    return _joined(first, again), _joined(clicks, more_clicks), _joined(plays, more_plays, organic)


def _joined(*parts: T) -> T:
    names = parts[0].__dataclass_fields__
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _moments(rng: np.random.Generator, day: int, count: int) -> Floats:
    hours = rng.choice(24, count, p=_HOURS / _HOURS.sum())
    return day * DAY_S + (hours + rng.random(count)) * 3600


def _wanted_items(rng: np.random.Generator, world: World, day: int, users: Ints, boost: Floats | None) -> Ints:
    rows = np.cumsum(world.wanted(day, boost), axis=1)
    items = np.zeros(len(users), dtype=np.int64)
    spoken = world.listeners.language[users]
    for language in range(len(rows)):
        who = spoken == language
        items[who] = np.searchsorted(rows[language], rng.random(int(who.sum())) * rows[language, -1])
    return items


def _journeys(rng: np.random.Generator, world: World, day: int, boost: Floats | None) -> Searches:
    weekend = 1.15 if day % 7 in (4, 5) else 0.94
    count = int(rng.poisson(world.scale.journeys * weekend))
    user = rng.choice(len(world.listeners.ids), count, p=world.listeners.activity)
    target = _wanted_items(rng, world, day, user, boost)
    text = world.wishes.draw(rng, target)
    at = np.sort(_moments(rng, day, count))
    return _blank(user, target, text, at, np.zeros(count, dtype=bool))


def _blank(user: Ints, target: Ints, text: Ints, at: Floats, retry: Bools) -> Searches:
    shown = np.full((len(user), ROWS), -1)
    return Searches(user, target, text, at, retry, shown, np.zeros(len(user), dtype=np.int64))


def _reformulations(rng: np.random.Generator, world: World, first: Searches, clicks: Clicks) -> Searches:
    failed = np.ones(len(first.user), dtype=bool)
    failed[clicks.search[clicks.success]] = False
    last = first.at.copy()
    np.maximum.at(last, clicks.search, clicks.at + 5)
    text = world.wishes.retry[first.target]
    who = np.flatnonzero(failed & (rng.random(len(failed)) < REFORMULATE_SHARE) & (text != first.text))
    at = last[who] + rng.uniform(6, 80, len(who))
    return _blank(first.user[who], first.target[who], text[who], at, np.ones(len(who), dtype=bool))


def ranker_keys(world: World, user: Ints, text: Ints) -> list[tuple[str, str]]:
    """Return (text, ranker) of searches: B answers its share of listeners, the live one everybody else."""
    b = world.listeners.b[user]
    return [(world.wishes.texts[t], "B" if is_b else "live") for t, is_b in zip(text, b, strict=True)]


def _look(rng: np.random.Generator, world: World, shelf: Shelf, searches: Searches) -> Searches:
    """Return the searches with what each listener is shown, a few with two neighbours exchanged."""
    shown = shelf.rows(ranker_keys(world, searches.user, searches.text)).copy()
    length = (shown >= 0).sum(axis=1)
    swap = (rng.random(len(shown)) < SWAP_SHARE) & (length >= 2)
    rank = 1 + np.floor(rng.random(len(shown)) * (length - 1)).astype(int)
    rows = np.flatnonzero(swap)
    upper = rank[rows] - 1
    shown[rows, upper], shown[rows, upper + 1] = shown[rows, upper + 1], shown[rows, upper]
    return replace(searches, shown=shown, swapped=np.where(swap, rank, 0))


def outcome(rng: np.random.Generator, world: World, searches: Searches) -> tuple[Clicks, Plays]:
    """Return what listeners do with what they are shown."""
    clicked, satisfied = _click(rng, world, searches)
    row, position = np.nonzero(clicked)
    item = searches.shown[row, position]
    target = searches.target[row]
    first_ok = satisfied[row, position]
    first = _child(rng, world.catalogue, item)
    length = world.catalogue.duration_s
    heard = listen(rng, first_ok, length[first])
    song = world.catalogue.entity[item] == 0
    second_ok = rng.random(len(row)) < satisfaction(world.catalogue, target, item)
    second = _child(rng, world.catalogue, item)
    heard_second = listen(rng, second_ok, length[second])
    two = ~song & (rng.random(len(row)) < SECOND_CHILD_SHARE)
    liked = first_ok & (heard >= np.minimum(30, length[first] / 2))
    saved = liked & (rng.random(len(row)) < SAVE_SHARE)
    repeated = liked & song & (rng.random(len(row)) < REPEAT_SHARE)
    value = utility(heard, length[first]) + np.where(two, utility(heard_second, length[second]), 0)
    value = np.where(saved | repeated, 1.0, np.minimum(1.0, value))
    took = 4.0 + heard + np.where(two, heard_second + 2, 0)
    at = searches.at[row] + 1.2 + 0.5 * position + rng.exponential(1.0, len(row)) + _before(row, took)
    saved_at = np.where(saved, at + 2 + np.minimum(heard, 40.0), np.nan)
    clicks = Clicks(row, position + 1, item, at, saved_at, value, liked | (value >= 0.5))
    user = searches.user[row]
    yes = np.ones(len(row), dtype=bool)
    opened = Plays(user, first, at + 1.5, heard, item, ~yes, yes)
    further = Plays(user, second, at + 3.5 + heard, heard_second, item, ~yes, yes)
    later = at + rng.uniform(3600, 20 * 3600, len(row))
    again = Plays(user, first, later, length[first], np.full(len(row), -1), ~yes, ~yes)
    radio = _radio(rng, world, clicks, opened, took)
    return clicks, _joined(opened, _only(further, two), _only(again, repeated), radio)


def _click(rng: np.random.Generator, world: World, searches: Searches) -> tuple[Bools, Bools]:
    """Return clicks and (first) satisfactions by search and position, under the switched-on habits."""
    shown, target = searches.shown, searches.target[:, None]
    looked = (rng.random(shown.shape) < THETA) & (shown >= 0)
    chance = attraction(world.catalogue, target, shown)
    ranks = np.arange(1, ROWS + 1)
    chance = chance + (1 - chance) * world.switches.trust_bias / ranks
    clicked = looked & (rng.random(shown.shape) < chance)
    satisfied = rng.random(shown.shape) < satisfaction(world.catalogue, target, shown)
    if world.switches.cascade_stop:
        done = np.cumsum(clicked & satisfied, axis=1)
        clicked &= (done - (clicked & satisfied)) == 0
    return clicked, satisfied


def _before(row: Ints, took: Floats) -> Floats:
    """Return, for each click, the seconds that earlier clicks of its search took."""
    total = np.cumsum(took) - took
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]]) if len(row) else np.zeros(0, dtype=int)
    counts = np.diff(np.r_[starts, len(row)])
    return total - np.repeat(total[starts], counts)


def _child(rng: np.random.Generator, catalogue: Catalogue, item: Ints) -> Ints:
    """Return a track for each item: itself, or one of the container's tracks, each as likely."""
    tracks = np.array([len(catalogue.children[i]) for i in item], dtype=np.int64)
    pick = np.floor(rng.random(len(item)) * tracks).astype(int)
    return np.array([catalogue.children[i][p] for i, p in zip(item, pick, strict=True)], dtype=np.int64)


def _radio(rng: np.random.Generator, world: World, clicks: Clicks, opened: Plays, took: Floats) -> Plays:
    """Return tracks that the player went on with by itself; they count for nothing."""
    who = np.flatnonzero(clicks.success & (rng.random(len(clicks.item)) < 0.3))
    track = rng.integers(0, world.scale.songs, len(who))
    heard = listen(rng, rng.random(len(who)) < 0.4, world.catalogue.duration_s[track])
    yes = np.ones(len(who), dtype=bool)
    return Plays(opened.user[who], track, clicks.at[who] + took[who], heard, clicks.item[who], yes, ~yes)


def _organic(rng: np.random.Generator, world: World, day: int, boost: Floats | None, searched: int) -> Plays:
    """Return plays from libraries and radio: popular songs, liked or left by their own appeal."""
    count = int(rng.poisson(1.5 * searched))
    user = rng.choice(len(world.listeners.ids), count, p=world.listeners.activity)
    chart = world.wanted(day, boost)[:, : world.scale.songs]
    track = np.zeros(count, dtype=np.int64)
    for language in range(len(chart)):
        who = world.listeners.language[user] == language
        edges = np.cumsum(chart[language])
        track[who] = np.searchsorted(edges, rng.random(int(who.sum())) * edges[-1])
    satisfied = rng.random(count) < 0.25 + 0.7 * world.catalogue.appeal[track]
    heard = listen(rng, satisfied, world.catalogue.duration_s[track])
    no = np.zeros(count, dtype=bool)
    return Plays(user, track, _moments(rng, day, count), heard, np.full(count, -1), no, no)


def _only(plays: Plays, keep: Bools) -> Plays:
    return Plays(**{name: getattr(plays, name)[keep] for name in plays.__dataclass_fields__})
