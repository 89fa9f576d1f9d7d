"""The extraction once more, in DuckDB: the same raw files and definitions, and nothing of the Spark code.

The SQL beside this file is written from docs/domain.md and the docstrings of ``reprise.searches``. Python unpacks and
divides the files, hashes listeners (as the definitions of privacy say), folds queries, and decides which of two
records with one key is kept, and which group a listener counts in: by Spark's hash, which is no matter of meaning.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pyarrow as pa

from reprise import tables
from reprise.lake import DAILY
from reprise.objects import ObjectStore
from reprise.searches.calendar import RawFile, shift
from reprise.searches.privacy import UserKey, hash_user
from reprise.searches.text import normalise
from reprise.settings import Logs, Source

SQL = Path(__file__).with_suffix(".sql")
_TEXTS = ("user", "search_id", "query", "item", "surface", "scope", "language", "ranker", "from_item", "play_id")
_MICROS = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
_MACROS = """
CREATE MACRO day_of(us) AS strftime(make_timestamp(us), '%Y-%m-%d');
CREATE MACRO midnight(day) AS epoch_us(day::TIMESTAMP);
CREATE MACRO filled(text) AS CASE WHEN trim(text, ' ') <> '' THEN text END;
CREATE MACRO whole(text) AS CASE WHEN regexp_full_match(trim(text), '[+-]?[0-9]+([.][0-9]*)?')
  THEN try_cast(split_part(trim(text), '.', 1) AS INTEGER) END;
CREATE MACRO length_of_time(s) AS CASE WHEN NOT isnan(s) AND s <> 'infinity'::DOUBLE THEN s END;
CREATE MACRO nearly_one() AS 1 - 1e-9;  -- floats that make one do not always, by their order
CREATE MACRO centuries(us) AS CASE WHEN us BETWEEN 946684800000000 AND 4102444800000000 THEN us END;
"""


def extract(
    logs: Logs, files: Sequence[RawFile], days: Sequence[str], keys: Sequence[UserKey], threads: int | None = None
) -> dict[str, pa.Table]:
    """Return the daily tables of these days, each with exactly the columns of its schema."""
    wanted = {shift(day, step) for day in days for step in (-1, 0, 1)} | {""}
    with duckdb.connect() as db:
        _configure(db, logs, days, keys, threads)
        _read(db, logs, [file for file in files if file.day in wanted], threads or 1)
        db.execute(SQL.read_text(encoding="utf-8"))
        return {name: _table(db, name) for name in DAILY}


def _configure(
    db: duckdb.DuckDBPyConnection, logs: Logs, days: Sequence[str], keys: Sequence[UserKey], threads: int | None
) -> None:
    db.execute("SET TimeZone = 'UTC'")
    if threads:
        db.execute(f"SET threads = {threads}")
    journeys, utility = logs.journeys.model_dump(), logs.utility.model_dump()
    micros = {
        f"{name.removesuffix('_s')}_us": round(value * 1e6) for name, value in journeys.items() if name[-2:] == "_s"
    }
    variables = journeys | utility | micros
    variables["displayed_us"] = logs.journeys.displayed_ms * 1000
    variables["clicks_only"] = not any(source.kind == "play" for source in logs.sources)
    for name, value in variables.items():
        db.execute(
            f"SET VARIABLE {name} = {value!r}::{ {bool: 'BOOLEAN', int: 'BIGINT', float: 'DOUBLE'}[type(value)] }"
        )
    db.execute(_MACROS)
    db.execute("CREATE TABLE days AS SELECT unnest($1) AS dt", [list(days)])
    first, last = min(key.first for key in keys), max(key.last for key in keys)

    def hashed(user: str, day: str) -> str:
        near = min(max(day, first), last)
        return next(hash_user(user, key.secret) for key in keys if key.covers(near))

    db.create_function("hashed", hashed, ["VARCHAR", "VARCHAR"], "VARCHAR")
    db.create_function("normalised", normalise, ["VARCHAR"], "VARCHAR")
    db.create_function("digest", digest, ["VARCHAR"], "BIGINT")


def _table(db: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    schema = getattr(tables, name)
    columns = ", ".join(f'"{column}"' for column in schema.names)
    found = db.sql(f"SELECT {columns} FROM table_{name}").to_arrow_table()
    if "ts" in schema.names:  # naive, and UTC
        place = schema.get_field_index("ts")
        found = found.set_column(place, "ts", found["ts"].cast(schema.field(place).type))
    return found.cast(schema)


# -- from files to records as logged


def _read(db: duckdb.DuckDBPyConnection, logs: Logs, files: Sequence[RawFile], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        lines = pa.concat_tables(pool.map(_lines, files))
    db.register("lines", lines)
    db.execute("CREATE TABLE mapped AS " + " UNION ALL BY NAME ".join(_mapped(source) for source in logs.sources))
    db.unregister("lines")


def _lines(file: RawFile) -> pa.Table:
    """Return a file's lines; one that is no UTF-8 has its bytes in ``raw``, and a reading with marks in ``line``."""
    folder, _, name = file.uri.rpartition("/")
    content = ObjectStore(folder).get(name) or b""
    lines = (gzip.decompress(content) if name.endswith(".gz") else content).splitlines()
    bare = pa.array(lines, pa.binary())
    try:
        text, raw, utf8 = bare.cast(pa.string()), pa.nulls(len(lines), pa.string()), [True] * len(lines)
    except pa.ArrowInvalid:
        utf8 = [_is_utf8(line) for line in lines]
        text = pa.array([line.decode(errors="replace") for line in lines])
        raw = pa.array([None if ok else _base64(line) for line, ok in zip(lines, utf8, strict=True)], pa.string())
    constants = {"source": file.source, "file": file.uri, "file_day": file.day}
    columns = {key: pa.array([value] * len(lines), pa.string()).dictionary_encode() for key, value in constants.items()}
    return pa.table(columns | {"line": text, "raw": raw, "utf8": pa.array(utf8, pa.bool_())})


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _base64(line: bytes) -> str:
    return "base64:" + base64.b64encode(line).decode()


def _mapped(source: Source) -> str:
    """Return a query for one source's records, with our fields as they were logged."""
    names = list(source.fields)
    fields = {name: f"v[{place}]" for place, name in enumerate(names, start=1)}
    columns = {name: f"filled({fields.get(name, 'NULL::VARCHAR')})" for name in _TEXTS if name != "user"}
    columns |= {"user_id": f"filled({fields['user']})", "query": fields.get("query", "NULL::VARCHAR")}
    columns |= {name: f"whole({fields.get(name, 'NULL')})" for name in ("position", "swapped", "shown_ms")}
    columns["position"] += f" + {1 - source.position_base}"
    columns |= {"seconds": _seconds(fields, "listened"), "duration": _seconds(fields, "duration")}
    columns["autoplay"] = f"lower({fields.get('autoplay', 'NULL')}) IN ('true', '1')"
    action = f"filled({fields.get('action', 'NULL::VARCHAR')})"
    known = " ".join(f"WHEN {_quoted(theirs)} THEN {_quoted(ours)}" for theirs, ours in source.actions.items())
    columns["action"] = f"CASE {action} {known} END" if known else "NULL"
    columns["kind"] = (
        "'play'" if source.kind == "play" else f"CASE WHEN {action} IS NULL THEN 'search' ELSE 'event' END"
    )
    columns["us"] = f"centuries({_micros(fields['ts'], source.time_format)})"
    columns["opted_out"] = _marked(source, fields, ["optout"])
    columns["internal"] = _marked(source, fields, [name for name in source.drop_when if name != "optout"])
    columns["results"] = "results"
    chosen = ", ".join(f"{column} AS {name}" for name, column in columns.items())
    return f"SELECT source, file, file_day, line, raw, utf8, readable, {chosen} FROM ({_parsed(source)})"


def _parsed(source: Source) -> str:
    """Return a query for a source's lines with ``readable``, the mapped values ``v`` and the list ``results``.

    A record is an object; a part of it that is no object where one is expected has nothing in it.
    """
    paths = {name: _path(path.split(".")) for name, path in source.fields.items()}
    results = "NULL::VARCHAR[]"
    if "results" in paths:
        results = (
            f"CASE WHEN valid AND json_type(line, {_quoted(paths['results'])}) = 'ARRAY' "
            f"THEN json_extract_string(line, {_quoted(paths['results'] + '[*]')}) END"
        )
    blank = "trim(line, ' ') = ''" + (f" OR regexp_matches(line, {_quoted(_FRAME)})" if source.format == "bulk" else "")
    return (
        f"SELECT *, CASE WHEN valid THEN json_type(line) = 'OBJECT' ELSE false END AS readable, "
        f"CASE WHEN valid THEN json_extract_string(line, [{', '.join(map(_quoted, paths.values()))}]) END AS v, "
        f"{results} AS results "
        f"FROM (SELECT *, json_valid(line) AS valid FROM lines WHERE source = {_quoted(source.name)} AND NOT ({blank}))"
    )


def _path(keys: Sequence[str]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)


#: The action lines that frame a bulk file's documents.
_FRAME = r'^\s*\{\s*"(index|create|update|delete)"\s*:\s*\{[^{}]*\}\s*\}\s*$'


def _seconds(fields: dict[str, str], name: str) -> str:
    if f"{name}_ms" in fields:
        return f"length_of_time(try_cast({fields[f'{name}_ms']} AS DOUBLE) / 1000)"
    return f"length_of_time(try_cast({fields.get(f'{name}_s', 'NULL')} AS DOUBLE))"


def _micros(field: str, time_format: str) -> str:
    if time_format == "iso":
        return f"epoch_us(try_cast({field} AS TIMESTAMPTZ))"
    return f"try_cast(trunc(try_cast({field} AS DOUBLE) * {_MICROS[time_format]}) AS BIGINT)"


def _marked(source: Source, fields: dict[str, str], names: Sequence[str]) -> str:
    tests = [
        f"coalesce(lower({fields[name]}) GLOB {_quoted(value.lower())}, false)"
        for name in names if name in fields
        for value in source.drop_when.get(name, [])
    ]  # fmt: skip
    return " OR ".join(tests) or "false"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# -- Spark's xxhash64, in Python: only for records that claim to be the same and are not

_PRIMES = (11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261)
_MASK = (1 << 64) - 1


def digest(text: str) -> int:
    """Return the signed 64-bit xxHash of a text's UTF-8 bytes."""
    data, seed, (p1, p2, p3, p4, p5) = text.encode(), 42, _PRIMES
    state, rest = (seed + p5) & _MASK, data
    if len(data) >= 32:
        lanes = [(seed + p1 + p2) & _MASK, (seed + p2) & _MASK, seed, (seed - p1) & _MASK]
        for start in range(0, len(data) - 31, 32):
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], int.from_bytes(data[start + 8 * lane :][:8], "little"))
        state = sum(_rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            state = ((state ^ _round(0, lane)) * p1 + p4) & _MASK
        rest = data[len(data) // 32 * 32 :]
    state = (state + len(data)) & _MASK
    while len(rest) >= 8:
        state = (_rotated(state ^ _round(0, int.from_bytes(rest[:8], "little")), 27) * p1 + p4) & _MASK
        rest = rest[8:]
    if len(rest) >= 4:
        state = (_rotated(state ^ (int.from_bytes(rest[:4], "little") * p1 & _MASK), 23) * p2 + p3) & _MASK
        rest = rest[4:]
    for byte in rest:
        state = _rotated(state ^ (byte * p5 & _MASK), 11) * p1 & _MASK
    state = (state ^ state >> 33) * p2 & _MASK
    state = (state ^ state >> 29) * p3 & _MASK
    state ^= state >> 32
    return state - (1 << 64) if state >> 63 else state


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _PRIMES[1]) & _MASK, 31) * _PRIMES[0] & _MASK


def _rotated(value: int, by: int) -> int:
    return (value << by | value >> 64 - by) & _MASK
