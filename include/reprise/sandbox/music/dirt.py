"""The dirt of real logs, written beside the true records: every line's kind is known."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from reprise.sandbox.music.config import ROWS, stream
from reprise.sandbox.music.day import DAY_S
from reprise.sandbox.music.first_stage import Shelf
from reprise.sandbox.music.records import Lines, Writer, epoch_ms
from reprise.sandbox.music.world import World

SHARES = {
    "duplicate": 0.004,
    "duplicate_id": 0.002,
    "garbled": 0.001,
    "bad_utf8": 0.0005,
    "missing_id": 0.001,
    "unknown_action": 0.001,
    "clock_skew": 0.001,
    "internal": 0.003,
}
"""How many lines of each kind are added, as a share of the source's true lines."""

BOT_SEARCHES = 460
_ID = {"app": "query_id", "ios": "qid", "player": "track"}
_KEY = {"app": "query_id", "ios": "qid", "player": "play_id"}
_USER = {"app": "client_id", "ios": "uid", "player": "uid"}
_TIME = {"app": "timestamp", "ios": "t", "player": "started"}
_ACTION = {"app": "action_name", "ios": "act"}


def add_dirt(world: World, day: int, lines: Lines) -> None:
    """Add every kind of dirt to every source that can have it."""
    rng = stream(world.seed, 21, day)
    for source, true in lines.by_source.items():
        whole = [one for one in true if one[2] in ("search", "click", "play")]
        events = [one for one in whole if one[2] == "click"]
        heads = [one for one in whole if one[2] in ("search", "play")]
        for kind, share in SHARES.items():
            pool = events if kind == "unknown_action" else whole if kind in ("duplicate", "garbled") else heads
            if not pool:
                continue
            count = int(rng.poisson(share * len(whole)))
            for pick in rng.integers(0, len(pool), count):
                at, line, _ = pool[pick]
                lines.add(source, at + 0.2, _spoil(rng, kind, source, line, at), kind)


def _spoil(rng: np.random.Generator, kind: str, source: str, line: bytes, at: float) -> bytes:
    """Return a copy of a true line, spoiled in one way."""
    if kind == "duplicate":
        return line
    if kind == "garbled":
        return line[: int(rng.integers(10, max(11, len(line) - 2)))]
    if kind == "bad_utf8":
        return line[:-1] + b', "note": "\xff\xfe"}'
    record: dict[str, Any] = json.loads(line)
    fresh = f"x{rng.integers(1 << 40):010x}"
    if kind == "missing_id":
        record[_ID[source]] = None
    if kind == "unknown_action":
        record[_ACTION[source]] = "hover"
    if kind == "clock_skew":
        record[_KEY[source]] = fresh
        record[_TIME[source]] = "1970-01-01T00:00:07.000Z" if source == "app" else 7000
    if kind == "internal":
        record[_KEY[source]] = fresh
        record[_USER[source]] = f"qa-{int(rng.integers(5))}"
    if kind == "duplicate_id":
        record["retransmitted"] = True
        if source != "app":
            record[_TIME[source]] = epoch_ms(at + 0.2)
    return json.dumps(record, ensure_ascii=False).encode()


def add_bot(world: World, day: int, writer: Writer, shelf: Shelf) -> None:
    """Add a bot on one day in three: hundreds of searches of popular texts, clicks at every rank alike."""
    if day % 3 != 1:
        return
    rng = stream(world.seed, 22, day)
    user = int(rng.integers(len(world.listeners.ids)))
    texts = world.wishes.draw(rng, rng.choice(np.argsort(-world.catalogue.weight)[:40], BOT_SEARCHES))
    at = day * DAY_S + 3600 + np.arange(BOT_SEARCHES) * 25.0
    shown = shelf.rows([(world.wishes.texts[t], "live") for t in texts])
    name = f"b{day:06d}"
    for n in range(BOT_SEARCHES):
        ids = [world.catalogue.ids[i] for i in shown[n] if i >= 0]
        context = {"language": "hi", "ranker": writer.ranker, "swapped": 0, "shown_ms": 900, "prefix": False}
        record = writer.search_record(
            "app", 0, f"bot{day:04d}-{n:04d}", user, world.wishes.texts[texts[n]], float(at[n]), ids, context, name
        )
        record["query_attributes"].pop("optout", None)
        writer.lines.add("app", float(at[n]), record, "bot")
        if ids and rng.random() < 0.5:
            rank = int(rng.integers(1, min(len(ids), ROWS) + 1))
            event = {
                "application": "music", "action_name": "click", "query_id": f"bot{day:04d}-{n:04d}",
                "client_id": name, "session_id": record["session_id"], "timestamp": record["timestamp"],
                "event_attributes": {
                    "object": {"object_id": ids[rank - 1], "object_id_field": "id"}, "position": {"ordinal": rank},
                },
            }  # fmt: skip
            writer.lines.add("app", float(at[n]) + 1, event, "bot")
