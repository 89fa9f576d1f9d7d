"""Listeners, records and crowds that no simulator thinks of, for the sources of ``builders.logs``."""

from __future__ import annotations

import gzip
import json
import random
from datetime import datetime, timedelta
from typing import Any

from builders.logs import Logs

ITEMS = ("song:1", "song:2", "song:3", "song:4", "artist:1", "album:1")
#: Seconds around every limit there is: settled, reformulated, idle, attributed, saved or played again within a day.
STEPS = (0, 0, 0.4, 0.5, 2.999, 3, 20, 119.999, 120, 121, 1799.999, 1800, 1800.001, 7000)
HEARD = (None, 0, 4.999, 5, 9.999, 10, 29.999, 30, 115, 240, 300)


def edgy_listeners(logs: Logs, count: int, start: datetime) -> None:
    """Log listeners whose records meet at the same instants and exactly at the limits, in every way at once."""
    for number in range(count):
        rng, user = random.Random(number), f"edgy-{number}"
        now = start
        for search in range(rng.randint(1, 14)):
            now += timedelta(seconds=rng.choice(STEPS))
            _edgy_search(logs, rng, user, f"s{search:02}", now)


def _edgy_search(logs: Logs, rng: random.Random, user: str, key: str, now: datetime) -> None:
    shown = rng.sample(ITEMS, rng.randint(0, 5))
    results: list[Any] | None = list(shown)
    if rng.random() < 0.2:  # a place without an item, and an item twice
        results[rng.randint(0, len(results)) : 0] = [None, rng.choice(ITEMS)]
    if rng.random() < 0.15:
        results = None
        for item in rng.choices(ITEMS, k=4):
            when = now + timedelta(seconds=rng.choice((-1, 0, 0.5)))
            logs.event("impression", key, when, item, user, rng.randint(1, 6))
    attributes = {"shown_ms": rng.choice((None, 499, 500, 900)), "swapped": rng.choice((None, 0, 2)), "scope": "IN"}
    logs.search(key, now, f"{rng.choice('Abc')} ", results, user, ranker=rng.choice("AB"), **attributes)
    if rng.random() < 0.05:
        logs.search(key, now + timedelta(seconds=1), "the same again", results, user)
    for act in range(rng.choice((0, 0, 1, 2, 3))):
        when = now + timedelta(seconds=rng.choice((-1, *STEPS, 86400, 86400.001)))
        item, kind = rng.choice((*shown, "song:4")), rng.choice(("click", "click", "save", "play", "play", "play"))
        if kind != "play":
            logs.event(kind, key, when, item, user)
            continue
        opened = rng.random() < 0.3
        logs.play(
            rng.choice((None, f"{key}-{act}")), when, rng.choice(ITEMS[:4]) if opened else item, rng.choice(HEARD),
            user, duration=rng.choice((None, 0, 20, 200, 500)), from_item=item if opened else None,
            autoplay=rng.random() < 0.3,
        )  # fmt: skip


def capped_listeners(logs: Logs, start: datetime) -> None:
    """Log who plays one track, sees one item, and asks more often than is counted; and who opted out half-way."""
    for n in range(25):
        logs.play(f"farm-{n}", start + timedelta(seconds=40 * (n // 2)), "song:1", 31, "farmer")
    for n in range(40):
        logs.search(f"fan-{n}", start + timedelta(seconds=2 * n), "more", ["song:2", f"song:{n}"], "fan", shown_ms=700)
    for n, heard in enumerate(("NaN", "Infinity", "-Infinity", "1e999", -1, 1e300, True)):
        when = start + timedelta(seconds=n)
        logs.search(f"odd-{n}", when, "how long", ["song:1"], f"clock-{n}")
        logs.event("click", f"odd-{n}", when, "song:1", f"clock-{n}")
        play = {"uid": f"clock-{n}", "started": round(when.timestamp() * 1000), "track": "song:1", "listened_ms": heard}
        logs.raw("player", when, play)
    for n in range(401):
        logs.search(f"bot-{n}", start + timedelta(seconds=9 * n), f"q{n}", ["song:1"], "bot")
    logs.search("kept", start - timedelta(days=1), "before", ["song:1"], "bot")
    logs.search("mine", start, "secret", ["song:1"], "private")
    logs.event("nonsense", "mine", start, "song:1", "private")
    logs.search("yours", start, "flagged", ["song:1"], "private", optout=True)
    logs.search("whose", start, "flagged", ["song:1"], None, optout=True)


def crowd(start: datetime, bot_records: int) -> bytes:
    """Return a gzip file of one day: 900 listeners, a third of whose searches are one query, and a bot among them."""
    lines = []
    for n in range(3000):
        viral, seconds = n % 3 == 0, n * 20 + n % 7
        query, first = ("viral", "song:1") if viral else (f"rare {n}", f"song:{n}")
        lines.append(_asked(f"c{n}", f"crowd-{n % 900}", query, start + timedelta(seconds=seconds), first))
    for n in range(bot_records):
        when = start + timedelta(milliseconds=n * 80000 // bot_records * 1000 + n % 1000)
        if n % 2:
            lines.append(_acted("click", f"r{n - 1}", "robot", when, "song:1"))
        else:
            lines.append(_asked(f"r{n}", "robot", "viral", when, "song:1"))
    return gzip.compress("\n".join(lines).encode() + b"\n", 1)


def _asked(key: str, user: str, query: str, when: datetime, first: str) -> str:
    return (
        f'{{"query_id":"{key}","client_id":"{user}","user_query":"{query}","timestamp":"{when:%Y-%m-%dT%H:%M:%S}.'
        f'{when.microsecond // 1000:03d}Z","query_response_object_ids":["{first}","song:2"],"query_attributes":{{}}}}'
    )


def _acted(action: str, key: str, user: str, when: datetime, item: str, position: int = 1) -> str:
    return (
        f'{{"action_name":"{action}","query_id":"{key}","client_id":"{user}","timestamp":"{when:%Y-%m-%dT%H:%M:%S}.'
        f'{when.microsecond // 1000:03d}Z","event_attributes":{{"object":{{"object_id":"{item}"}},'
        f'"position":{{"ordinal":{position}}}}}}}'
    )


def stuck_screen(logs: Logs, start: datetime, events: int) -> None:
    """Log one search without a list, and the same ten items reported as shown under it again and again."""
    logs.search("stuck", start, "stuck", None, "stuck")
    for n in range(events):
        when = start + timedelta(milliseconds=n)
        logs.raw("app", start, _acted("impression", "stuck", "stuck", when, f"song:{n % 10}", n % 10 + 1).encode())


# -- wild records: valid JSON with odd values, and lines that are none

_ODD = (
    "true",
    "1",
    "NaN",
    "-Infinity",
    "1e9",
    "1e999",
    "-3",
    "qa-1",
    " ",
    "3.7",
    "99999999999",
    "",
    "tüm",
    "\u3042\x85",
)
_NUMBERS = (-(2**63), 2**63 - 1, 2**31, -1, 0, 1, 5, -0.01, 0.5, 999.99)
_PATHS = {
    "app": (
        "query_id", "client_id", "user_query", "timestamp", "query_response_object_ids", "query_attributes",
        "action_name", "event_attributes", "event_attributes.object", "event_attributes.object.object_id",
        "event_attributes.position.ordinal", "query_attributes.surface", "query_attributes.scope",
        "query_attributes.ranker", "query_attributes.swapped", "query_attributes.shown_ms", "query_attributes.optout",
    ),
    "player": ("play_id", "uid", "started", "track", "listened_ms", "duration_ms", "from_item", "autoplay"),
}  # fmt: skip


def odd_record(rng: random.Random, start: datetime, users: str = "odd") -> tuple[str, bytes]:
    """Return a source and a valid JSON line: a record some of whose fields hold anything."""
    logs, user, key = Logs(""), f"{users}-{rng.randint(0, 30)}", f"w{rng.randint(0, 5)}"
    when = start + timedelta(seconds=rng.choice((rng.randint(-100_000, 190_000), rng.randint(40_000, 50_000))))
    item, kind = rng.choice(ITEMS), rng.choice(("search", "search", "click", "save", "play", "play"))
    if kind == "search":
        record = logs.search(key, when, "tum", ITEMS[:3], user, scope="IN")
    elif kind == "play":
        record = logs.play(f"p{rng.randint(0, 200)}", when, item, rng.randint(0, 300), user)
    else:
        record = logs.event(kind, key, when, item, user)
    source = "player" if kind == "play" else "app"
    for path in rng.choices(_PATHS[source], k=rng.randint(0, 3)):
        *parents, last = path.split(".")
        place: Any = record
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place[last] = _value(rng)
    return source, json.dumps(record, ensure_ascii=rng.random() < 0.5).encode()


def _value(rng: random.Random) -> Any:
    leaf: Any = rng.choice((None, rng.random() < 0.5, rng.choice(_NUMBERS), rng.choice(_ODD), rng.choice(_ODD)))
    return rng.choice((leaf, leaf, leaf, [leaf] * rng.randint(0, 3), {rng.choice(_ODD): leaf}))


def broken_line(rng: random.Random, start: datetime) -> tuple[str, bytes]:
    """Return a source and a line that is cut, spoiled, no JSON, or JSON that nobody would write."""
    source, line = odd_record(rng, start, "broken")
    place = rng.randint(0, len(line))
    deep = rng.choice((50, 999, 1001, 20_000))
    digits = rng.choice((b"9" * 400, b"9" * 1200, b"1e400", b"-1e-400", b"NaN", b"0x1F", b"007"))
    odd = rng.choice((rb'"\ud800"', rb'"\u0000"', b"'single'", b'"\x01"', b'"a\tb"', b"{}{}", b"// no"))
    lines = (
        line[:place],
        line[:place] + rng.randbytes(rng.randint(1, 9)) + line[place:],
        rng.randbytes(rng.randint(0, 40)),
        line[:-1] + b', "query_attributes": ' + b"[" * deep + b"]" * deep + b"}",
        line[:-1] + b', "started": ' + digits + b', "timestamp": ' + digits + b"}",
        line[:-1] + b', "user_query": ' + odd + b', "uid": ' + odd + b"}",
        line.replace(b'":', rng.choice((b'": \r', b'"\t:', b'" ', b'\x00":'))),
    )
    return source, rng.choice(lines)
