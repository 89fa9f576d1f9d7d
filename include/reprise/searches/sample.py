"""Reads raw records without Spark: for the calendar of undated sources and for `reprise check`."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from reprise.errors import MissingDataError
from reprise.lake import ObjectStore
from reprise.searches.calendar import RawFile
from reprise.settings import Logs, Source

#: A bulk file's action lines; they frame documents and are no records.
ACTION_LINE = r'^\s*\{\s*"(index|create|update|delete)"\s*:\s*\{[^{}]*\}\s*\}\s*$'
EPOCHS_PER_S = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}


def lines(source: Source, file: RawFile) -> Iterator[str]:
    """Yield a raw file's records as text, blank lines and bulk actions left out; bad UTF-8 is replaced."""
    folder, _, name = file.uri.rpartition("/")
    content = ObjectStore(folder).get(name)
    if content is None:
        raise MissingDataError(f"{file.uri} is gone", "run it again; the file was there when the folder was listed")
    raw = gzip.open(io.BytesIO(content)) if file.uri.endswith(".gz") else io.BytesIO(content)
    for line in io.TextIOWrapper(raw, encoding="utf-8", errors="replace"):
        if line.strip() and not (source.format == "bulk" and re.match(ACTION_LINE, line)):
            yield line.rstrip("\n")


def value(record: Any, path: str) -> Any:
    """Return what a dotted path leads to in a record, or None."""
    for key in path.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    return record


def moment(raw: Any, time_format: str) -> datetime | None:
    """Return a raw time as UTC, or None where it is none."""
    try:
        if time_format == "iso":
            time = datetime.fromisoformat(str(raw))
            return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
        return datetime.fromtimestamp(float(raw) / EPOCHS_PER_S[time_format], UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


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
