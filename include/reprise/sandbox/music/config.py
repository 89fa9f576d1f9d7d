"""How large the simulated service is, how its listeners behave, and what can be switched.

All numbers are design choices, except where a source is named; none is a measurement of a real service.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

FIRST_DAY = date(2026, 9, 1)

THETA: npt.NDArray[np.float64] = np.array([1.0, 0.674, 0.414, 0.293, 0.208, 0.171, 0.136, 0.117, 0.084, 0.058])
"""Examination by position 1–10: the all-pairs estimate on Baidu's logs (Hager et al., SIGIR 2024)."""

ATTRACTION: npt.NDArray[np.float64] = np.array([0.03, 0.10, 0.25, 0.50, 0.95])
"""Click given examined, by how an item relates to what the listener wants (0 unrelated … 4 the item itself)."""

SATISFACTION: npt.NDArray[np.float64] = np.array([0.08, 0.25, 0.50, 0.60, 0.95])
"""Satisfied given clicked, before the item's own appeal."""

HAZARD_ENDS: npt.NDArray[np.float64] = np.array([0.0, 5.0, 10.0, 30.0])
HAZARDS: npt.NDArray[np.float64] = np.array([0.0553, 0.0132, 0.00447, 0.0013])
"""Leaving a track per second from 0, 5, 10 and 30 s on: fitted to Lamere's Spotify skips."""
SATISFIED_FACTOR, WRONG_FACTOR = 0.5, 4.0

SAVE_SHARE, REPEAT_SHARE = 0.05, 0.10
SECOND_CHILD_SHARE = 0.35
REFORMULATE_SHARE = 0.5
SWAP_SHARE = 0.03
B_SHARE = 0.2
ROWS = 10

INTENTS = {"song": 0.60, "artist": 0.25, "album": 0.08, "playlist": 0.07}


@dataclass(frozen=True)
class Scale:
    """Sizes of one world: items by entity, listeners, journeys begun on an average day, words per language."""

    songs: int
    artists: int
    albums: int
    playlists: int
    listeners: int
    journeys: int
    words: int
    days: int


SCALES = {
    "small": Scale(430, 70, 75, 25, 400, 560, 70, 9),
    "demo": Scale(3600, 500, 700, 200, 6000, 3000, 320, 28),
    "large": Scale(36000, 5000, 7000, 2000, 60000, 30000, 1200, 28),
}


@dataclass(frozen=True)
class Switches:
    """What makes the listeners differ from the model that later judges them; the default is plain PBM.

    ``cascade_stop``: a satisfied listener looks no further. ``trust_bias``: an unattractive item is clicked for its
    rank alone with this probability at rank 1, divided by the rank. ``drift``: weekly standard deviation of an
    item's log popularity, accumulating. ``feedback``: how strongly yesterday's search plays raise today's wishes.
    """

    cascade_stop: bool = False
    trust_bias: float = 0.0
    drift: float = 0.1
    feedback: float = 0.0


def day_name(day: int) -> str:
    """Return the date, as YYYY-MM-DD, of a day counted from 0."""
    return (FIRST_DAY + timedelta(days=day)).isoformat()


def stream(seed: int, *keys: int) -> np.random.Generator:
    """Return a random stream of its own for a purpose, the same wherever and whenever it is asked for."""
    return np.random.default_rng([seed, *keys])
