"""A day's events as the raw records that three loggers write, with the dirt of real logs, every kind counted.

A record is kept as (source, directory hour, line, kind). Dirt is added beside the true records, never in their
place, so the books can be checked to the line; exceptions, each counted too: play records without an end, records
flagged as opted out, and late ones, which lie in the next day's directory.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np

from reprise.sandbox.music.config import FIRST_DAY, stream
from reprise.sandbox.music.day import DAY_S, Clicks, Plays, Searches
from reprise.sandbox.music.first_stage import Shelf
from reprise.sandbox.music.world import SURFACES, World

_START = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
_START_MS = int(_START.timestamp() * 1000)
_INDIA = timezone(timedelta(hours=5, minutes=30))
_LANGUAGE_CODES = ("hi", "pa", "ta", "te", "bn", "en")


@dataclass
class Lines:
    """Records by source: (directory time in seconds since the first day, line, kind)."""

    by_source: dict[str, list[tuple[float, bytes, str]]] = field(
        default_factory=lambda: {"app": [], "ios": [], "player": []}
    )

    def add(self, source: str, at: float, record: dict[str, Any] | bytes, kind: str) -> None:
        """Add one record, or a line that is none."""
        line = record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode()
        self.by_source[source].append((at, line, kind))

    def split(self, end: float) -> tuple[Lines, Lines]:
        """Return what belongs before a moment, and what is carried over to the next day."""
        before, after = Lines(), Lines()
        for source, lines in self.by_source.items():
            before.by_source[source] = [one for one in lines if one[0] < end]
            after.by_source[source] = [one for one in lines if one[0] >= end]
        return before, after

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how many lines of each kind each source holds."""
        return {s: dict(sorted(Counter(k for _, _, k in lines).items())) for s, lines in self.by_source.items()}


def iso(at: float, surface: int) -> str:
    """Return a moment as the app writes it; the web writes Indian time with its offset."""
    moment = _START + timedelta(milliseconds=round(at * 1000))
    if SURFACES[surface] == "web":
        return moment.astimezone(_INDIA).isoformat(timespec="milliseconds")
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def epoch_ms(at: float) -> int:
    """Return a moment in epoch milliseconds."""
    return _START_MS + round(at * 1000)


class Writer:
    """Turns a day's arrays into lines; ``ranker`` names what is live (A before any release)."""

    def __init__(self, world: World, day: int, ranker: str) -> None:
        self.world, self.day, self.ranker = world, day, ranker
        self.lines = Lines()
        self._rng = stream(world.seed, 20, day)

    def search_id(self, number: int) -> str:
        """Return the id of a day's settled search."""
        return f"q{self.day:04d}-{number:06d}"

    def searches(self, searches: Searches, shelf: Shelf) -> None:
        """Write every settled search and the prefixes that were displayed on the way to it."""
        prefixes = self._prefixes(searches)
        keys = [(text, self._ranker_key(int(searches.user[n]))) for n, text, _, _ in prefixes]
        shown = shelf.rows(keys)
        for row, (n, text, at, ms) in enumerate(prefixes):
            self._search(searches, n, f"{self.search_id(n)}p{row}", text, at, shown[row], (ms, True))
        dwell = self._rng.integers(900, 9000, len(searches.user))
        capital = self._rng.random(len(searches.user)) < 0.05
        for n, t in enumerate(searches.text):
            text = self.world.wishes.texts[t]
            text = text.capitalize() + " " if capital[n] else text
            at = float(searches.at[n])
            self._search(searches, n, self.search_id(n), text, at, searches.shown[n], (int(dwell[n]), False))

    def _ranker_key(self, user: int) -> str:
        return "B" if self.world.listeners.b[user] else "live"

    def _prefixes(self, searches: Searches) -> list[tuple[int, str, float, int]]:
        """Return (search, text, moment, milliseconds on screen) of displayed prefixes, gaps under 3 s."""
        found = []
        first, second = self._rng.random((2, len(searches.text)))
        gaps = self._rng.uniform(0.3, 2.6, (2, len(searches.text)))
        for n, t in enumerate(searches.text):
            text = self.world.wishes.texts[t]
            word = text.split(" ")[0]
            shown = [text[:3].strip()] if len(text) > 4 and first[n] < 0.6 else []
            if 3 < len(word) < len(text) and second[n] < 0.4:
                shown.append(word)
            moment = float(searches.at[n])
            for step, prefix in enumerate(reversed(shown)):
                moment -= float(gaps[step, n])
                found.append((n, prefix, moment, round(gaps[step, n] * 1000)))
        return found

    def _search(
        self, searches: Searches, n: int, key: str, text: str, at: float, shown: Any, how: tuple[int, bool]
    ) -> None:
        user, (ms, prefix) = int(searches.user[n]), how
        ids = [self.world.catalogue.ids[i] for i in shown if i >= 0]
        swapped = 0 if prefix else int(searches.swapped[n])
        who = self.world.listeners
        source, surface = self._source(user)
        context = {
            "language": _LANGUAGE_CODES[who.language[user]],
            "ranker": "B" if who.b[user] else self.ranker,
            "swapped": swapped,
            "shown_ms": ms,
            "prefix": prefix,
        }
        kind = "optout" if who.optout[user] else "prefix" if prefix else "search"
        record = self.search_record(source, surface, key, user, text, at, ids, context, who.ids[user])
        self.lines.add(source, max(at, self.day * DAY_S), record, kind)

    def _source(self, user: int) -> tuple[str, int]:
        surface = int(self.world.listeners.surface[user])
        return ("ios" if SURFACES[surface] == "ios" else "app"), surface

    def search_record(
        self, source: str, surface: int, key: str, user: int, text: str, at: float, ids: list[str],
        context: dict[str, Any], name: str,
    ) -> dict[str, Any]:  # fmt: skip
        """Return one search as its logger writes it."""
        optout = {"optout": True} if self.world.listeners.optout[user] else {}
        session = f"s{user:06d}-{int(at // 1800)}"
        if source == "ios":
            c = context
            ctx = {"device": "ios", "market": "IN", "lang": c["language"], "ranker": c["ranker"], "swap": c["swapped"]}
            ctx |= {"dwell": c["shown_ms"], "prefix": c["prefix"], **optout}
            return {"qid": key, "uid": name, "sid": session, "q": text, "t": epoch_ms(at), "res": ids, "ctx": ctx}
        attributes = {"scope": "IN", "tab": "all", "surface": SURFACES[surface], **context, "app_version": "7.4.1"}
        return {
            "application": "music", "query_id": key, "client_id": name, "session_id": session, "user_query": text,
            "timestamp": iso(at, surface), "query_response_object_ids": ids, "query_attributes": attributes | optout,
        }  # fmt: skip

    def clicks(self, searches: Searches, clicks: Clicks) -> None:
        """Write clicks and saves."""
        for n, rank, item, at, saved_at in zip(
            clicks.search, clicks.rank, clicks.item, clicks.at, clicks.saved_at, strict=True
        ):
            moments = {"click": at} if np.isnan(saved_at) else {"click": at, "save": saved_at}
            for action, moment in moments.items():
                user = int(searches.user[n])
                kind = "optout" if self.world.listeners.optout[user] else action
                late = float(moment + DAY_S) if self._rng.random() < 0.003 else float(moment)
                source, record = self.event_record(user, self.search_id(n), action, item, rank, float(moment))
                self.lines.add(source, late, record, kind if late == moment or kind == "optout" else f"late_{action}")

    def event_record(
        self, user: int, key: str, action: str, item: int, rank: int, at: float
    ) -> tuple[str, dict[str, Any]]:
        """Return the source and record of one event on a shown item; rank counts from 1."""
        source, surface = self._source(user)
        name, object_id = self.world.listeners.ids[user], self.world.catalogue.ids[item]
        optout = bool(self.world.listeners.optout[user])
        session = f"s{user:06d}-{int(at // 1800)}"
        if source == "ios":
            theirs = {"click": "tap", "save": "fav"}.get(action, action)
            event = {"act": theirs, "qid": key, "uid": name, "sid": session, "t": epoch_ms(at), "obj": object_id}
            return source, event | {"idx": int(rank) - 1} | ({"ctx": {"optout": True}} if optout else {})
        attributes = {"object": {"object_id": object_id, "object_id_field": "id"}, "position": {"ordinal": int(rank)}}
        event = {
            "application": "music", "action_name": action, "query_id": key, "client_id": name, "session_id": session,
            "timestamp": iso(at, surface), "event_attributes": attributes,
        }  # fmt: skip
        return source, event | ({"query_attributes": {"optout": True}} if optout else {})

    def plays(self, plays: Plays) -> None:
        """Write the player's log; who opted out is not in it, and a few plays never report their end."""
        who, catalogue = self.world.listeners, self.world.catalogue
        lost = self._rng.random(len(plays.user)) < 0.01
        for n, user in enumerate(plays.user):
            if who.optout[user]:
                continue
            source = int(plays.source[n])
            at = float(plays.at[n])
            record = {
                "play_id": f"p{self.day:04d}-{n:06d}",
                "uid": who.ids[user],
                "track": catalogue.ids[plays.track[n]],
                "started": epoch_ms(at),
                "listened_ms": round(plays.seconds[n] * 1000),
                "duration_ms": int(catalogue.duration_s[plays.track[n]] * 1000),
                "from_item": catalogue.ids[source] if source >= 0 else None,
                "autoplay": bool(plays.autoplay[n]),
                "origin": "search" if plays.searched[n] else "radio" if plays.autoplay[n] else "library",
                "offline": False,
            }
            if lost[n]:
                del record["listened_ms"]
            kind = "no_end" if lost[n] else "autoplay" if plays.autoplay[n] else "play"
            self.lines.add("player", at, record, kind)
