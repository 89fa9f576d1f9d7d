"""What a raw record means, without Spark: mapping.py's rules once more, over one record at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from reprise.searches.addresses import Interval
from reprise.searches.by_hand import Cell, Raw, cell_of, cells, not_utf8, raw_records, text_of
from reprise.searches.calendar import RawFile
from reprise.searches.rules import (
    CLOCK_AHEAD_S,
    EPOCH_BOUNDS,
    EPOCHS_PER_S,
    FIRST_TIME,
    LAST_TIME,
    NUMBERS,
    TEXT,
    globs,
)
from reprise.settings import Logs, Source

_CONTROL = "".join(map(chr, range(0x21)))  # what Java trims
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (FIRST_TIME, LAST_TIME))
_ISO = re.compile(  # as Spark has it: an offset follows seconds only
    r"(\d{4})-(\d\d)-(\d{1,2})(?:[ T](\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d*))?\s*([A-Za-z+-].*)?)?)?)?"
)


@dataclass
class Sampled:
    """One record through the mapping. ``fate`` is "" while it is in use; ``fields`` are as in the tables."""

    kind: str  # search | event | play
    fate: str = ""
    user: str | None = None
    ts: datetime | None = None
    opted_out: bool = False
    raw_action: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    results: list[str | None] | None = None
    found: dict[str, Cell] = field(default_factory=dict)  # what the record itself has, by our name


def read_record(source: Source, raw: Raw, covers: Interval | None = None) -> Sampled:
    """Return one raw record as the extraction would understand it; ``covers`` is what its file's address says."""
    found = {} if raw.record is None else cells(source, raw.record)
    fault = raw.fault or ("not UTF-8" if not_utf8(raw.record) else "")

    def text(name: str) -> str | None:
        """The record's own value, or the default; blanks are nothing."""
        own = found.get(name)
        mine = own if isinstance(own, str) and own.strip(" ") else source.defaults.get(name)
        return mine if mine and mine.strip(" ") else None

    one = _mapped(source, found, text)
    one.fate = _fate(source, one, fault, text, covers)
    return one


def moment(raw: str | None, time_format: str, zone: str = "UTC") -> datetime | None:
    """Return a raw time as UTC, or None where it is none of this century."""
    if raw is None:
        return None
    try:
        looks_iso = raw.strip(" ")[4:5] == raw.strip(" ")[7:8] == "-"
        if time_format == "iso" or (time_format == "auto" and looks_iso):
            time = _iso(raw.strip(_CONTROL), zone) if looks_iso else None
        else:
            time = _epoch(raw, time_format)
    except (ValueError, OverflowError):
        return None
    return time if time and _FIRST <= time <= _LAST else None


def days_in(logs: Logs, files: Iterable[RawFile]) -> list[str]:
    """Return every day that readable records name, in order."""
    sources = {source.name: source for source in logs.sources}
    times = (
        _time_of(sources[file.source], raw) for file in files for raw in raw_records(sources[file.source], file.uri)
    )
    return sorted({time.date().isoformat() for time in times if time})


def _time_of(source: Source, raw: Raw) -> datetime | None:
    if raw.record is None:
        return None
    if source.only_when or source.skip_when:
        one = read_record(source, raw)
        return None if one.fate == "dropped:filtered" else one.ts
    return moment(text_of(cell_of(source, raw.record, "ts")), source.time_format, source.time_zone)


def whole_number(text: str | None) -> int | None:
    """Return a text as Spark casts it to an integer of 32 bits, or None."""
    found = re.fullmatch(r"([+-]?)([0-9]*)(?:\.[0-9]*)?", text.strip(_CONTROL)) if text else None
    if not found or found[0] in ("", found[1]):
        return None
    number = int(f"{found[1]}{found[2] or 0}")
    return number if -(2**31) <= number < 2**31 else None


def real_number(text: str | None) -> float | None:
    """Return a text as Spark casts it to a double, or None."""
    trimmed = text.strip(_CONTROL) if text else ""
    if trimmed.lower() in ("-infinity", "-inf"):
        return float("-inf")  # before any other, so it is a reject; its opposite is nothing
    found = re.fullmatch(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[dDfF]?", trimmed)
    return float(found[1]) if found else None


def _seconds(text: Any, name: str) -> float | None:
    in_ms = real_number(text(f"{name}_ms"))
    number = real_number(text(f"{name}_s")) if in_ms is None else in_ms / 1000
    return number if number is not None and number < float("inf") else None


def _mapped(source: Source, found: dict[str, Cell], text: Any) -> Sampled:
    raw_action = text("action")
    kind = "play" if source.kind == "play" else "search" if raw_action is None else "event"
    fields: dict[str, Any] = {name: text(name) for name in TEXT}
    fields |= {"action": source.actions.get(raw_action or ""), "query": found.get("query")}
    fields |= {name: whole_number(text(name)) for name in NUMBERS}
    if fields["position"] is not None:
        fields["position"] += 1 - source.position_base
    fields |= {"seconds": _seconds(text, "listened"), "duration": _seconds(text, "duration")}
    autoplay = text("autoplay")
    fields["autoplay"] = autoplay and autoplay.lower() in ("true", "1")
    ts, results = found.get("ts"), found.get("results")
    return Sampled(
        kind, "", text("user"), moment(ts if isinstance(ts, str) else None, source.time_format, source.time_zone),
        _matches(source.drop_when, ["optout"], text), raw_action, fields,
        results if isinstance(results, list) else None, found,
    )  # fmt: skip


def _fate(source: Source, one: Sampled, fault: str, text: Any, covers: Interval | None) -> str:
    if one.opted_out:
        return "dropped:opted out" if one.user is None else ""
    readable = bool(one.found)  # also where some of its bytes are no text
    left_out = _matches(source.skip_when, source.skip_when, text)
    if readable and (left_out or not all(_matches(source.only_when, [name], text) for name in source.only_when)):
        return "dropped:filtered"
    if readable and _matches(source.drop_when, [name for name in source.drop_when if name != "optout"], text):
        return "dropped:internal"
    if fault:
        return f"rejected:{fault}"
    if one.kind == "event" and one.fields["action"] is None:
        return "rejected:unknown action"
    if one.ts is None:
        return "rejected:bad or missing ts"
    if (one.fields["seconds"] or 0) < 0:
        return "rejected:negative seconds"
    if missing := _missing(one):
        return f"rejected:missing {missing}"
    if one.kind == "search" and not str(one.fields["query"]).strip(" "):
        return "dropped:empty query"
    if covers and one.ts >= covers.ends + timedelta(seconds=CLOCK_AHEAD_S):
        return "dropped:clock ahead"
    return "dropped:too late" if covers and one.ts < covers.begins - timedelta(days=1) else ""


def _missing(one: Sampled) -> str:
    action = one.fields["action"]
    needs = {
        "user": True, "item": one.kind != "search", "query": one.kind == "search",
        "search_id": one.kind == "search" or (one.kind == "event" and action != "save"),
        "position": action == "impression",
    }  # fmt: skip
    has = {**one.fields, "user": one.user}
    return next((name for name, wanted in needs.items() if wanted and has[name] is None), "")


def _matches(conditions: dict[str, list[str]], names: Iterable[str], text: Any) -> bool:
    """Whether any of these conditions holds: the value is one of its globs, in any case."""
    for name in names:
        own = text(name)
        plain, patterns = globs(conditions.get(name, ()))
        if own is not None and (own.lower() in plain or any(re.search(p, own.lower()) for p in patterns)):
            return True
    return False


def _iso(text: str, zone: str) -> datetime | None:
    found = _ISO.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    micros = int(f"{fraction or 0:0<6}"[:6])
    local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros)
    return local.replace(tzinfo=_offset(offset, zone)).astimezone(UTC)


def _offset(offset: str | None, zone: str) -> Any:
    from datetime import timezone

    if offset is None:
        return ZoneInfo(zone)
    if offset in ("Z", "UTC", "GMT", "UT"):
        return UTC
    if found := re.fullmatch(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d\d))?", offset):
        span = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        if span > timedelta(hours=18) or int(found[3] or 0) > 59:
            raise ValueError(f"no offset is {offset}")
        return timezone(-span if found[1] == "-" else span)
    if offset not in available_timezones():
        raise ValueError(f"no time zone is {offset}")
    return ZoneInfo(offset)


def _epoch(raw: str, time_format: str) -> datetime | None:
    number = real_number(raw)
    if number is None:
        return None
    if time_format == "auto":
        factor = next((micros for bound, micros in EPOCH_BOUNDS if abs(number) < bound), 1.0)
    else:
        factor = 1_000_000 // EPOCHS_PER_S[time_format]
    return _EPOCH + timedelta(microseconds=int(number * factor))
