"""What follows from looking at an item: click, listening time, save, repeat; and what that is worth on average.

The worth is computed from the piecewise hazards in closed form and by exact integration, not by the code that
simulates, and not by the code of the stages that are judged by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from reprise.sandbox.music.catalogue import Catalogue, Floats, Ints
from reprise.sandbox.music.config import (
    ATTRACTION,
    HAZARD_ENDS,
    HAZARDS,
    REPEAT_SHARE,
    SATISFACTION,
    SATISFIED_FACTOR,
    SAVE_SHARE,
    SECOND_CHILD_SHARE,
    WRONG_FACTOR,
)

Bools = npt.NDArray[np.bool_]


def survival(seconds: Floats, factor: float) -> Floats:
    """Return the chance that a track is still heard after so many seconds: exp(−factor · Σ hazard · time)."""
    total = np.zeros_like(np.asarray(seconds, dtype=float))
    ends = [*HAZARD_ENDS[1:], np.inf]
    for start, end, hazard in zip(HAZARD_ENDS, ends, HAZARDS, strict=True):
        total = total + hazard * np.clip(np.minimum(seconds, end) - start, 0, None)
    return np.exp(-factor * total)


def listen(rng: np.random.Generator, satisfied: Bools, duration_s: Floats) -> Floats:
    """Return seconds heard, at most the track's length, by inverting the piecewise hazards."""
    factor = np.where(satisfied, SATISFIED_FACTOR, WRONG_FACTOR)
    budget = rng.exponential(1.0, len(satisfied)) / factor
    seconds = np.full(len(satisfied), np.inf)
    spent = 0.0
    ends = [*HAZARD_ENDS[1:], np.inf]
    for start, end, hazard in zip(HAZARD_ENDS, ends, HAZARDS, strict=True):
        here = start + (budget - spent) / hazard
        seconds = np.where(np.isinf(seconds) & (here < end), here, seconds)
        spent += hazard * (end - start)
    return np.minimum(seconds, duration_s)


def utility(seconds: Floats, duration_s: Floats) -> Floats:
    """Return what one track is worth: 0 under 5 s, 0.1 sampled, from 30 s (or half) 0.5 rising to 1 at the end."""
    t = np.minimum(30.0, duration_s / 2)
    e = np.minimum(duration_s, 240.0)
    liked = 0.5 + 0.5 * np.minimum(1.0, (seconds - t) / np.maximum(e - t, 1.0))
    return np.where(seconds >= t, liked, np.where(seconds >= 5, 0.1, 0.0))


def relation(catalogue: Catalogue, target: Ints, item: Ints) -> Ints:
    """Return how an item relates to what is wanted: 4 itself, 3 a version, 2 its album or artist, 1 akin, 0 not."""
    same_artist = (catalogue.artist[target] == catalogue.artist[item]) & (catalogue.artist[item] >= 0)
    one_is_page = (catalogue.entity[target] == 1) | (catalogue.entity[item] == 1)
    of_album = (catalogue.album[target] == item) | (catalogue.album[item] == target)
    lists = (catalogue.entity[target] == 3) & (catalogue.entity[item] == 3)
    akin_list = lists & (catalogue.mood[target] == catalogue.mood[item])
    same_language = catalogue.language[target] == catalogue.language[item]
    grade = np.where(same_artist | (lists & same_language) | akin_list, 1, 0)
    grade = np.where((same_artist & one_is_page) | of_album, 2, grade)
    grade = np.where((catalogue.work[target] == catalogue.work[item]) | (akin_list & same_language), 3, grade)
    return np.where(target == item, 4, grade)


def attraction(catalogue: Catalogue, target: Ints, item: Ints) -> Floats:
    """Return the chance of a click, given that the item is looked at."""
    return np.minimum(1.0, ATTRACTION[relation(catalogue, target, item)] * catalogue.charm[item])


def satisfaction(catalogue: Catalogue, target: Ints, item: Ints) -> Floats:
    """Return the chance that what was clicked satisfies; an item's hidden appeal decides half of it."""
    return SATISFACTION[relation(catalogue, target, item)] * (0.25 + 0.75 * catalogue.appeal[item])


# --- the worth of a click, exactly -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Worth:
    """E[utility | clicked, every track satisfies with chance p] = a + b·p + c·p², per item."""

    constant: Floats
    linear: Floats
    square: Floats

    def at(self, item: Ints, p: Floats) -> Floats:
        """Return the expected utility of clicked items."""
        return self.constant[item] + self.linear[item] * p + self.square[item] * p**2


def worth(catalogue: Catalogue) -> Worth:
    """Return the expected utility of a click on every item; containers sum one or two of their tracks, at most 1."""
    count = len(catalogue.ids)
    constant, linear, square = np.zeros(count), np.zeros(count), np.zeros(count)
    for item in range(count):
        durations, shares = np.unique(catalogue.duration_s[catalogue.children[item]], return_counts=True)
        part = shares / shares.sum()
        song = catalogue.entity[item] == 0
        first = [
            sum(w * _values(float(d), ok, song, True) for d, w in zip(durations, part, strict=True))
            for ok in (True, False)
        ]
        second = [
            sum(w * _values(float(d), ok, False, False) for d, w in zip(durations, part, strict=True))
            for ok in (True, False)
        ]
        one = [float(_GRID @ f) for f in first]
        if song:
            constant[item], linear[item] = one[1], one[0] - one[1]
            continue
        two = [[_capped(f, s) for s in second] for f in first]
        k = SECOND_CHILD_SHARE
        constant[item] = (1 - k) * one[1] + k * two[1][1]
        linear[item] = (1 - k) * (one[0] - one[1]) + k * (two[0][1] + two[1][0] - 2 * two[1][1])
        square[item] = k * (two[0][0] - two[0][1] - two[1][0] + two[1][1])
    return Worth(constant, linear, square)


_GRID = np.linspace(0.0, 1.0, 201)


@lru_cache(maxsize=4096)
def _values(duration: float, satisfied: bool, song: bool, first: bool) -> Floats:
    """Return the distribution of one track's utility on the grid; a loved one is saved or repeated and worth 1."""
    factor = SATISFIED_FACTOR if satisfied else WRONG_FACTOR
    t, e = min(30.0, duration / 2), min(duration, 240.0)
    mass = np.zeros(len(_GRID))
    s = lambda at: float(survival(np.array(at), factor))  # noqa: E731
    mass[0] = 1 - s(5.0)
    mass[20] = s(5.0) - s(t)
    edges = t + (e - t) * np.linspace(0, 1, 101)
    steps = survival(edges[:-1], factor) - survival(edges[1:], factor)
    mass[100:200] += steps / 2  # a step's mean lies half-way, so half its mass goes to each end
    mass[101:201] += steps / 2
    mass[200] += s(e)
    loved = 1 - (1 - SAVE_SHARE) * (1 - (REPEAT_SHARE if song else 0.0)) if satisfied and first else 0.0
    moved = mass[100:].sum() * loved
    mass[100:] *= 1 - loved
    mass[200] += moved
    return mass


def _capped(first: Floats, second: Floats) -> float:
    """Return E[min(1, x + y)] for two independent utilities."""
    both = np.convolve(first, second)
    return float(np.minimum(1.0, np.linspace(0.0, 2.0, len(both))) @ both)
