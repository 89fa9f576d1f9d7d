"""Raw records in plain Python: for `reprise check`, for undated calendars, and for files that Spark cannot read.

A record is what its format makes of it: a JSON object, a CSV line by its header, a Parquet row. What is mapped of it
are cells: text, and one list. They are to the letter what reading.py makes of the same bytes; numbers, too, look as
Java writes them.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from reprise.searches import parquet_files, salvage
from reprise.searches.rules import ACTION_LINE, TRUNCATED, misquoted
from reprise.settings import Source

Cell = str | list[str | None] | None
_LONGEST_NUMBER = 1_000  # Jackson's limit


@dataclass(frozen=True)
class Raw:
    """One raw record, and what is wrong with it where something is."""

    record: dict[str, Any] | None
    fault: str = ""


class _Number(str):
    """A JSON number, as Java writes it."""

    __slots__ = ()


def raw_records(source: Source, uri: str) -> Iterator[Raw]:
    """Yield a file's records in order: blank lines, header lines and bulk actions are none, a tear is one."""
    if source.format == "parquet":
        names = {name for path in source.paths().values() for name in (path, path.split(".")[0].removesuffix("[]"))}
        for row in parquet_files.rows(uri, sorted(names)):
            yield Raw(row) if row is not None else Raw(None, TRUNCATED)
        return
    yield from _records_of_lines(source, salvage.lines(uri))


def _records_of_lines(source: Source, lines: Iterable[salvage.Line]) -> Iterator[Raw]:
    """Yield what one file's lines hold, in order."""
    header: bytes | None = None
    names = source.columns
    for line, torn in lines:
        if torn:
            yield Raw(None, TRUNCATED)
            continue
        if not line.strip(b" ") or (source.format == "bulk" and re.match(ACTION_LINE, line.decode("utf-8", "replace"))):
            continue
        if source.format == "csv" and not source.columns:
            if header is None:
                header, names = line, header_of(source, line)
            if line == header:
                continue
        yield _of_line(source, line, names)


def header_of(source: Source, line: bytes) -> list[str]:
    """Return a CSV header line's names."""
    return [name.strip() for name in csv_cells(line.decode("utf-8", "replace"), source.delimiter) or []]


def csv_cells(line: str, delimiter: str) -> list[str] | None:
    """Return a CSV line's cells, or None where its quotes do not pair."""
    if '"' in line and (line.count('"') % 2 or re.search(misquoted(delimiter), line.replace('""', ""))):
        return None
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return None


def _of_line(source: Source, line: bytes, names: list[str]) -> Raw:
    text, fault = line.decode("utf-8", "replace"), ""
    try:
        line.decode()
    except UnicodeDecodeError:
        fault = "not UTF-8"  # who logged it may still be told, and whether they opted out
    record: Any
    if source.format == "csv":
        found = csv_cells(text, source.delimiter)
        same = found is not None and len(found) == len(names)
        # Of two columns of one name the first counts.
        record = dict(reversed([*zip(names, found or [], strict=False)])) if same else None
    else:
        record = json_object(text)
    return Raw(record, fault or ("" if record is not None else "unreadable"))


def json_object(line: str) -> dict[str, Any] | None:
    """Return the one JSON object that a line holds, or None; numbers are text as Java writes them."""
    try:
        # As in reading.py: within brackets whatever follows the object is an error.
        found, _ = _JSON.raw_decode(f"[{line}]")
    except (ValueError, RecursionError):
        return None
    return found[0] if len(found) == 1 and isinstance(found[0], dict) else None


def cells(source: Source, record: dict[str, Any]) -> dict[str, Cell]:
    """Return name → cell of every path of the source, None where the record has nothing there."""
    found: dict[str, Cell] = {}
    for name in source.paths():
        one = cell_of(source, record, name)
        found[name] = _list(source, one) if name == "results" else text_of(one)
    return found


def cell_of(source: Source, record: dict[str, Any], name: str) -> Any:
    """Return what a record has under one of our names."""
    path = source.paths()[name]
    return value(record, path, whole=source.format in ("csv", "parquet"), nested=source.format != "csv")


def not_utf8(record: Any) -> bool:
    """Whether a record (of a Parquet file: others are text as a whole) holds bytes that are no text."""
    if isinstance(record, dict | list):
        return any(map(not_utf8, record.values() if isinstance(record, dict) else record))
    try:
        return isinstance(record, bytes) and not isinstance(record.decode(), str)
    except UnicodeDecodeError:
        return True


def value(record: Any, path: str, *, whole: bool = False, nested: bool = True) -> Any:
    """Return what a dotted path leads to in a record, or None; ``a[].b`` is the list of b's. ``whole``: also a name."""
    if (whole and path in record) or not nested:
        return record.get(path)
    head, through, tail = path.partition("[]")
    for key in head.split("."):
        record = record.get(key) if isinstance(record, dict) else None
    if not through or not tail:
        return record
    if not isinstance(record, list) or not all(one is None or isinstance(one, dict) for one in record):
        return None
    return [None if one is None else value(one, tail.removeprefix(".")) for one in record]


def text_of(one: Any) -> str | None:
    """Return a value as the text it is in a table; lists and objects as JSON."""
    if one is None or isinstance(one, str):
        return one if one is None else one.encode("utf-8", "replace").decode()
    if isinstance(one, bool | int | Decimal | date):
        return str(one).lower() if isinstance(one, bool) else str(one)
    if isinstance(one, float):
        return java_double(one)
    if isinstance(one, bytes):
        return one.decode("utf-8", "replace")
    return _json(one)


def java_double(number: float) -> str:
    """Return a double as Java writes it."""
    if number != number or number in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[repr(number)]
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number) if "e" not in repr(number) else f"{number:f}"
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{int(exponent) + len(digits) - 1}"


def list_of_text(text: str, separator: str) -> list[str | None] | None:
    """Return the list that a text holds: JSON, or values joined by the separator."""
    if text.startswith("["):
        try:
            found, _ = _JSON.raw_decode(text)
        except (ValueError, RecursionError):
            return None
        return [text_of(one) for one in found]
    return [part.strip(" ") for part in text.split(separator)] if text.strip(" ") else None


def _list(source: Source, one: Any) -> list[str | None] | None:
    if isinstance(one, list):
        return [text_of(part) for part in one]
    as_text = source.list_separator or source.format in ("csv", "parquet")
    return list_of_text(one, source.list_separator or "|") if as_text and isinstance(one, str) else None


def _json(one: Any) -> str:
    if isinstance(one, dict):
        return "{" + ",".join(f"{_quoted(k)}:{_json(v)}" for k, v in one.items()) + "}"
    if isinstance(one, list):
        return "[" + ",".join(map(_json, one)) + "]"
    if isinstance(one, str) and not isinstance(one, _Number):
        return _quoted(one)
    return "null" if one is None else text_of(one) or ""


def _quoted(text: str) -> str:
    return re.sub(r"\\u00[01][a-f]", lambda code: f"\\u{code[0][2:].upper()}", json.dumps(text, ensure_ascii=False))


def _whole_number(digits: str) -> _Number:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    return _Number("0" if digits == "-0" else digits)


def _real_number(digits: str) -> _Number:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits)} digits")
    written = java_double(float(digits))
    return _Number(f'"{written}"' if written.endswith("y") else written)  # Jackson quotes an Infinity


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_JSON = json.JSONDecoder(parse_int=_whole_number, parse_float=_real_number, parse_constant=_no_constant)
