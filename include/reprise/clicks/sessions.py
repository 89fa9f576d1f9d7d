"""Sessions in a plain file: JSON lines of a query, its results, which of them were clicked, and how long each played.

    {"query": "jopali", "results": ["song:1", "song:2"], "clicks": [false, true], "seconds": [0, 184.5]}

``seconds`` may be left out of all records. Where it is there, a clicked item is satisfying that was played for at
least 30 s; where it is not, the last click is (Chapelle & Zhang, WWW 2009).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import MissingDataError, UsageError

SATISFYING_S = 30.0
_SHOWN = 3
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Sessions:
    """A row per session, a column per position; ``pair`` numbers (query, item) and is −1 below a list's end.

    ``last`` is the place of the last click, −1 without one.
    """

    pairs: list[Pair]
    pair: Codes
    clicked: Flags
    satisfied: Flags  # of clicks; the last one of each session where ``plays`` is false
    plays: bool

    @property
    def shown(self) -> Flags:
        """Which positions held an item."""
        return self.pair >= 0

    @property
    def last(self) -> Codes:
        """The place of each session's last click, counted from 0; −1 without one."""
        width = self.clicked.shape[1]
        return np.where(self.clicked.any(axis=1), width - 1 - np.argmax(self.clicked[:, ::-1], axis=1), -1)

    def without_plays(self) -> Sessions:
        """Return the same as a log has them that knows nothing of plays: the last click satisfies."""
        last = np.zeros_like(self.clicked)
        rows = np.flatnonzero(self.clicked.any(axis=1))
        last[rows, self.last[rows]] = True
        return Sessions(self.pairs, self.pair, self.clicked, last, False)

    def take(self, rows: Codes | Flags) -> Sessions:
        """Return some of the sessions; pairs keep their numbers."""
        return Sessions(self.pairs, self.pair[rows], self.clicked[rows], self.satisfied[rows], self.plays)

    def per_pair(self, values: NDArray[Any], where: Flags) -> NDArray[np.float64]:
        """Return, for each pair, the sum of the values at the positions chosen."""
        sums = np.bincount(self.pair[where], weights=values[where].astype(float), minlength=len(self.pairs))
        return sums.astype(np.float64)


def sessions_of(records: Iterable[dict[str, Any]], name: str = "sessions") -> Sessions:
    """Return sessions of records as a session file holds them; every kind of mistake is an error naming the lines."""
    kept: list[dict[str, Any]] = []
    wrong: dict[str, list[int]] = {}
    for number, record in enumerate(records, start=1):
        if mistake := _mistake(record):
            wrong.setdefault(mistake, []).append(number)
        else:
            kept.append(record)
    for mistake, lines in wrong.items():
        shown = ", ".join(map(str, lines[:_SHOWN]))
        raise UsageError(f"{name}: {len(lines)} sessions {mistake}, as line {shown}", "correct them, or take them out")
    if not kept:
        raise MissingDataError(f"{name} holds no session", "correct the path")
    with_plays = [number for number, record in enumerate(kept, start=1) if "seconds" in record]
    if with_plays and len(with_plays) < len(kept):
        raise UsageError(f"{name}: {len(kept) - len(with_plays)} sessions lack `seconds`", "give all of them, or none")
    return _arrays(kept, bool(with_plays))


def read_sessions(path: Path) -> Sessions:
    """Return the sessions of a JSON lines file."""
    if not path.is_file():
        raise MissingDataError(f"there is no file {path}", "correct the path")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise UsageError(f"{path.name}, line {number} is no JSON: {error}", "write one session a line") from error
    return sessions_of(records, path.name)


def _mistake(record: Any) -> str:
    if not isinstance(record, dict) or not {"query", "results", "clicks"} <= set(record):
        return "lack query, results or clicks"
    results, clicks = record["results"], record["clicks"]
    if not isinstance(results, list) or not isinstance(clicks, list) or not results:
        return "have no list of results and clicks"
    if len(results) != len(clicks) or len(record.get("seconds", results)) != len(results):
        return "have another number of clicks or seconds than of results"
    if len({str(item) for item in results}) < len(results):
        return "show an item twice"
    if any(click not in (True, False) for click in clicks):
        return "have clicks that are neither true nor false"
    if any(not isinstance(s, int | float) or not s >= 0 for s in record.get("seconds", [])):
        return "have seconds that are no number from 0"
    return ""


def _arrays(records: Sequence[dict[str, Any]], plays: bool) -> Sessions:
    width = max(len(record["results"]) for record in records)
    pair = np.full((len(records), width), -1, dtype=np.int64)
    clicked, seconds = np.zeros(pair.shape, dtype=bool), np.zeros(pair.shape)
    numbers: dict[Pair, int] = {}
    for row, record in enumerate(records):
        query, n = str(record["query"]), len(record["results"])
        pair[row, :n] = [numbers.setdefault((query, str(item)), len(numbers)) for item in record["results"]]
        clicked[row, :n] = record["clicks"]
        if plays:
            seconds[row, :n] = record["seconds"]
    found = Sessions(list(numbers), pair, clicked, clicked & (seconds >= SATISFYING_S), plays)
    return found if plays else found.without_plays()
