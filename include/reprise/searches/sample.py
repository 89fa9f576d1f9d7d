"""Reads raw records without Spark: for the calendar of undated sources and for `reprise check`."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from reprise.errors import MissingDataError
from reprise.objects import ObjectStore
from reprise.searches.calendar import RawFile
from reprise.settings import Logs, Source

#: A bulk file's action lines; they frame documents and are no records.
ACTION_LINE = r'^\s*\{\s*"(index|create|update|delete)"\s*:\s*\{[^{}]*\}\s*\}\s*$'
EPOCHS_PER_S = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}


@dataclass
class Sampled:
    """One record through the mapping: ``fields`` holds, as text, what it has; ``reject`` says why it would not do."""

    kind: str  # search | impression | click | save | play
    user: str = ""
    ts: datetime | None = None
    fields: dict[str, str] = field(default_factory=dict)
    results: list[str] = field(default_factory=list)
    reject: str = ""


def read_record(source: Source, line: str) -> Sampled:
    """Return one raw record as the extraction would understand it."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return Sampled(source.kind, reject="not UTF-8" if "\ufffd" in line else "unreadable")
    found = {name: value(record, path) for name, path in source.fields.items()}
    fields = {name: _text(one) for name, one in found.items() if one not in (None, "")}
    action = source.actions.get(fields.get("action", ""))
    kind = "play" if source.kind == "play" else action or "search"
    sampled = Sampled(kind, fields.get("user", ""), moment(found["ts"], source.time_format), fields)
    if isinstance(found.get("results"), list):
        sampled.results = [str(one) for one in found["results"]]
    needed = {
        "search": ("user", "query", "search_id"),
        "play": ("user", "item"),
        "save": ("user", "item"),
        "click": ("user", "item", "search_id"),
        "impression": ("user", "item", "search_id", "position"),
    }[kind]
    missing = [name for name in needed if name not in fields and not (name == "query" and found["query"] == "")]
    if "action" in fields and action is None and source.kind == "search":
        sampled.reject = "unknown action"
    elif sampled.ts is None:
        sampled.reject = "bad or missing ts"
    elif missing:
        sampled.reject = f"missing {missing[0]}"
    return sampled


def _text(one: Any) -> str:
    return one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)


def lines(source: Source, file: RawFile) -> Iterator[str]:
    """Yield a raw file's records as text, blank lines and bulk actions left out; bad UTF-8 is replaced."""
    folder, _, name = file.uri.rpartition("/")
    content = ObjectStore(folder).get(name)
    if content is None:
        raise MissingDataError(f"{file.uri} is gone", "run it again; the file was there when the folder was listed")
    raw = gzip.GzipFile(fileobj=io.BytesIO(content)) if file.uri.endswith(".gz") else io.BytesIO(content)
    for line in io.TextIOWrapper(raw, encoding="utf-8", errors="replace"):
        if line.strip() and not (source.format == "bulk" and re.match(ACTION_LINE, line)):
            yield line.rstrip("\n")


def value(record: Any, path: str) -> Any:
    """Return what a dotted path leads to in a record, or None."""
    for key in path.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    return record


def moment(raw: Any, time_format: str) -> datetime | None:
    """Return a raw time as UTC, or None where it is none of this century."""
    try:
        if time_format == "iso":
            time = datetime.fromisoformat(str(raw))
            time = time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
        else:
            time = datetime.fromtimestamp(float(raw) / EPOCHS_PER_S[time_format], UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return time if 2000 <= time.year < 2100 else None


def days_in(logs: Logs, files: Iterable[RawFile]) -> list[str]:
    """Return every day that readable records name, in order."""
    sources = {source.name: source for source in logs.sources}
    days: set[str] = set()
    for file in files:
        source = sources[file.source]
        for line in lines(source, file):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if time := moment(value(record, source.fields["ts"]), source.time_format):
                days.add(time.date().isoformat())
    return sorted(days)
