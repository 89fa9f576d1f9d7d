"""A small log, written again: the same records in other formats, layouts and spellings of time."""

import csv
import gzip
import io
import json
from collections import defaultdict
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from builders.logs import PLAY_FIELDS, SEARCH_FIELDS, Logs, at

FIELDS = {"app": SEARCH_FIELDS, "player": PLAY_FIELDS}
KINDS = {"app": "search", "player": "play"}
ACTIONS = {"app": {"click": "click", "save": "save"}, "player": {}}
DROPS = {"app": {"optout": ["true"], "user": ["qa-*"]}, "player": {}}
INDIA = "Asia/Kolkata"


def small_log(root):
    """Return a log of a dozen listeners on three days, with all that a format could lose, not yet written."""
    logs = Logs(root)
    logs.quiet_days(range(4))
    queries = ("tum hi ho", 'say "hello", again', "दिल; से", "a|b")
    for n in range(12):
        user, day, began = f"u{n}", n % 3, 9 + n / 8
        song = f"song:{n + 10}"
        logs.search(
            f"s{n}", at(day, began, n / 4), queries[n % 4], [song, "song:1", "album:2"][: 2 + n % 2], user,
            surface="phone" if n % 2 else "car", ranker="AB"[n % 2], swapped=n % 3 % 2, shown_ms=700 * n, optout=False,
        )  # fmt: skip
        logs.event("click", f"s{n}", at(day, began, 5), song if n % 3 else "song:1", user, 1 if n % 3 else 2)
        logs.play(f"p{n}", at(day, began, 6), song if n % 3 else "song:1", 7.5 * n, user, autoplay=n == 5)
        if n % 4 == 0:
            logs.event("save", f"s{n}", at(day, began, 40), "song:1", user, 2)
    logs.search("nothing", at(1, 23.9), "found nothing", [], "owl")
    logs.search("secret", at(1, 9), "secret wish", ["song:1"], "private", optout=True)
    logs.search("probe", at(1, 9), "probe", ["song:1"], "qa-1")
    return logs


def rows(logs):
    """Yield (source, our field name → value) of every record, times as datetimes."""
    for name, lines in logs.lines.items():
        source = name.split("/")[0]
        for line in lines:
            record = json.loads(line)
            row = {ours: _at(record, path) for ours, path in FIELDS[source].items()}
            epoch = isinstance(row["ts"], int)
            row["ts"] = datetime.fromtimestamp(row["ts"] / 1000, UTC) if epoch else datetime.fromisoformat(row["ts"])
            yield source, row


def deployment(logs, **sources):
    """Return the deployment of a log whose sources have these keys instead; fields are named as ours are."""
    raw = logs.deployment().model_dump(mode="json")
    raw["logs"]["sources"] = [
        {
            "name": name, "kind": KINDS[name], "fields": {ours: ours for ours in FIELDS[name]},
            "actions": ACTIONS[name], "drop_when": DROPS[name], **keys,
        }
        for name, keys in sources.items()
    ]  # fmt: skip
    return type(logs.deployment()).model_validate(raw)


def as_csv(logs, root):
    """CSV in the days and on the clock of India: the app's with a header line, the player's without one."""
    days = defaultdict(list)
    for source, row in rows(logs):
        local = row["ts"].astimezone(ZoneInfo(INDIA))
        row["ts"] = local.replace(tzinfo=None).isoformat(" ")
        days[f"{source}/{local:%Y/%m/%d}/part.csv.gz"].append({name: _cell(value) for name, value in row.items()})
    for name, mine in days.items():
        text, source = io.StringIO(), name.split("/")[0]
        writer = csv.DictWriter(text, list(FIELDS[source]), delimiter="," if source == "app" else ";")
        if source == "app":
            writer.writeheader()
        writer.writerows(mine)
        _write(root / name, gzip.compress(text.getvalue().encode(), mtime=0))
    dated = "{yyyy}/{mm}/{dd}/*.csv.gz"
    app = {"uris": [f"{root}/app/{dated}"], "format": "csv", "time_zone": INDIA}
    player = app | {"uris": [f"{root}/player/{dated}"], "delimiter": ";", "columns": list(PLAY_FIELDS)}
    return deployment(logs, app=app, player=player)


def as_parquet(logs, root):
    """Parquet with typed times, a list, and a column of structs; a column is an integer or a double by day."""
    days = defaultdict(list)
    for source, row in rows(logs):
        day = f"{row['ts']:%Y-%m-%d}"
        if source == "app":
            row["event"] = {"item": row.pop("item"), "position": row.pop("position")}
        days[source, day].append(row)
    for (source, day), mine in days.items():
        path = root / source / f"{day}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(mine, _schema(source, day)), path, row_group_size=5)
    nested = {"item": "event.item", "position": "event.position"}
    app = {"uris": [f"{root}/app/{{date}}.parquet"], "format": "parquet"}
    app["fields"] = {ours: nested.get(ours, ours) for ours in SEARCH_FIELDS}
    return deployment(logs, app=app, player=app | {"uris": [f"{root}/player/{{date}}.parquet"], "fields": _names()})


def as_zstd(logs, root):
    """Searches and plays in the same zstd files of two layouts, times in four spellings, positions from 0."""
    days = defaultdict(list)
    for number, (source, row) in enumerate(rows(logs)):
        when = row["ts"]
        row["ts"] = _spelled(when, number)
        if row.get("position"):
            row["position"] -= 1
        row["action"] = {"click": "tap", "save": "heart"}.get(row.get("action"))
        epoch = int(at((when - at(0, 0)).days, 0).timestamp())
        name = f"old/{when:%Y-%m-%d}/part.jsonl.zst" if number % 2 else f"new/{epoch + 60}.jsonl.zst"
        days[name].append({"type": f"{KINDS[source]}.v2", "payload": row})
    for name, mine in days.items():
        lines = [json.dumps(record, ensure_ascii=False).encode() + b"\n" for record in mine]
        half = len(lines) // 2
        frames = [zstandard.compress(b"".join(part)) for part in (lines[:half], lines[half:])]
        _write(root / name, b"".join(frames))
    uris = [f"{root}/old/{{date}}/*.jsonl.zst", f"{root}/new/{{epoch_s}}.jsonl.zst"]
    common = {"uris": uris, "time_format": "auto"}
    app = common | {
        "fields": {ours: f"payload.{ours}" for ours in SEARCH_FIELDS}, "position_base": 0,
        "actions": {"tap": "click", "heart": "save"}, "only_when": {"type": ["search.*"]},
    }  # fmt: skip
    player = common | {
        "fields": {ours: f"payload.{ours}" for ours in PLAY_FIELDS}, "skip_when": {"type": ["search.v2"]},
    }  # fmt: skip
    return deployment(logs, app=app, player=player)


def _at(record, path):
    for key in path.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _cell(value):
    if isinstance(value, bool):
        return str(value).lower()
    return "|".join(value) if isinstance(value, list) else value


def _names():
    return {ours: ours for ours in PLAY_FIELDS}


def _schema(source, day):
    number = pa.int64() if day < "2026-09-02" else pa.float64()
    text, whole, flag, time = pa.string(), pa.int64(), pa.bool_(), pa.timestamp("us", "UTC")
    kinds = {"ts": time, "results": pa.list_(text), "swapped": whole, "shown_ms": whole, "optout": flag,
             "autoplay": flag, "listened_ms": number, "duration_ms": number}  # fmt: skip
    names = [ours for ours in FIELDS[source] if ours not in ("position", "item") or source == "player"]
    schema = pa.schema([(name, kinds.get(name, text)) for name in names])
    event = pa.struct([("item", text), ("position", whole)])
    return schema.append(pa.field("event", event)) if source == "app" else schema


def _spelled(when, number):
    micros = round((when - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    spelled = [when.isoformat(), micros, micros // 1000, when.astimezone(ZoneInfo(INDIA)).isoformat()]
    return micros // 1_000_000 if micros % 1_000_000 == 0 and number % 5 == 4 else spelled[number % 4]


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
