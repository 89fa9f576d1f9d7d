"""Spark's reading of raw records and plain Python's are the same, record for record, however odd the bytes."""

import gzip
import random
from collections import Counter
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from py4j.protocol import Py4JJavaError

from reprise.searches import salvage
from reprise.searches.addresses import interval
from reprise.searches.by_hand import raw_records
from reprise.searches.mapping import records
from reprise.searches.sample import read_record
from reprise.settings import Source

pytestmark = pytest.mark.spark
ZONE = "Europe/Berlin"
FIELDS = {
    "search_id": "id", "user": "u", "ts": "t", "query": "q", "results": "r", "action": "a", "item": "i",
    "position": "p", "shown_ms": "ms", "optout": "o",
}  # fmt: skip
SHARED = {
    "name": "app", "kind": "search", "time_format": "auto", "time_zone": ZONE, "position_base": 0,
    "actions": {"tap": "click", "true": "save"}, "defaults": {"surface": "phone", "shown_ms": 700},
    "drop_when": {"user": ["qa-*"], "optout": ["1", "true"]}, "skip_when": {"kind": ["be?t"]},
}  # fmt: skip
COLUMNS = ("fate", "kind", "user", "search_id", "query", "action", "item", "surface", "position", "shown_ms", "results")

TIMES = (
    "2026-09-01T10:00:00", "2026-09-01 10:00:00.1234567", "2026-09-01T10:00:00+05:30", "2026-09-01T10Z", "2026-09-01",
    "2026-9-1", " 2026-09-01T10:00:00Z ", "2026-09-01T10:00:00 Asia/Kolkata", "1788256800", "1788256800.5",
    "1788256800123", "1788256800123456", "1.7882568e9", "2026", "10:00", "yesterday", "", "-5", "1e400", "NaN",
    "2026-09-04T10:00:00Z", "2026-08-28T10:00:00Z", "2026-02-30T10:00:00Z", "0026-09-01T00:00:00",
)  # fmt: skip


def _line(key, rest, time="1788256800"):
    return f'{{"id": {key}, "u": "x", "t": {time}, {rest}}}'


VALUES = (
    "1", "-0", "1.50", "1e3", "1e-7", "1e400", "123456789012345678901", "true", "null", '""', '" "', "[1, null]",
    '{"a": 1.0}', '"\\ud83d\\ude00"', '"\\u0001"',
)  # fmt: skip
LISTS = ('["a", null, 1, 2.0, ["b"], {"c": true}]', "[]", '"a|b"', "null", "7")
POSITIONS = ("0", '"3"', "2.7", '" 4 "', '"x"', "2147483648", "-1", "null", "true")
JSONL = [
    *[_line(f'"t{n}"', '"q": "when"', f'"{time}"') for n, time in enumerate(TIMES)],
    *[_line(value, '"q": "value"') for value in VALUES],
    *[_line(f'"r{n}"', f'"q": "list", "r": {found}') for n, found in enumerate(LISTS)],
    *[_line(f'"p{n}"', f'"a": "tap", "i": "song:1", "p": {found}') for n, found in enumerate(POSITIONS)],
    _line('"s"', '"a": true, "i": "song:1", "ms": "  "'), _line('"d"', '"q": "probe", "u": "QA-7"'),
    _line('"o"', '"q": "opted out", "o": true'), '{"id": "o2", "o": 1}', _line('"f"', '"q": "no", "kind": "BEAT"'),
    _line("null", '"q": "no id"'), _line('"b"', '"q": "  "'), _line('"u"', '"q": ["x"], "u": {"a": [1, "b"]}'),
    '{"id": "two", "id": "last", "u": "x", "t": 1788256800, "q": "twice"}', '  {"id": "sp", "u": "x"}  ', "   ", "",
    "[]", "null", "42", "{}", "{", "text", "{'id': 'x'}", '{"id": NaN}', '{"id": "x",}',
    '{"id": "x"} {"id": "y"}', '{"id": "x"},{"id": "y"}',
]  # fmt: skip
CSV = [
    "id,u,t,q,r,a,i,p,ms,o,kind,id", *[f"t{n},x,{time},when,,,,,,,," for n, time in enumerate(TIMES)],
    'q1,x,1788256800,"say ""hi"", you",a|b| c,,,,,,,other', "q2,x,1788256800,,,,,,,,,", "q3,x,1788256800,too few",
    "q4,x,1788256800,too many,,,,,,,,,,,", 'q5,x,1788256800,"no end,,,,,,,,', 'q6,x,1788256800,in"side"it,,,,,,,,',
    'q7,x,1788256800,"[""a"", 1]","[""a"", 1, null]",,,,,,,', "q8,x,1788256800,,,tap,song:1,2,,,,",
    " q9 , x ,1788256800, a ,,,,,,,,",
    "id,u,t,q,r,a,i,p,ms,o,kind,id", "q10,qa-1,1788256800,x,,,,,,,,", "q11,x,1788256800,x,,,,,,TRUE,,", "", "   ",
    "q12,x,1788256800,x,,,,,,,beet,", '"q13","x","1788256800","","","","","","","","",""',
]  # fmt: skip


def by_spark(spark, source, uris, torn=()):
    """Return the records as Spark maps them, counted."""
    frame = records(spark, source, uris, torn)
    rows = frame.selectExpr("unix_micros(ts) AS micros", *COLUMNS, "opted_out").collect()
    return Counter(repr(tuple(row)) for row in rows)


def by_python(source, uris):
    """Return the records as `reprise check` and the salvage read them, counted."""
    epoch, found = datetime(1970, 1, 1, tzinfo=UTC), Counter()
    for uri in uris:
        for raw in raw_records(source, uri):
            one = read_record(source, raw, interval("2026-09-01", ZONE))
            values = one.fields | {"fate": one.fate or None, "kind": one.kind, "user": one.user, "results": one.results}
            micros = one.ts and (one.ts - epoch).days * 86_400_000_000 + (one.ts - epoch).seconds * 1_000_000
            micros = micros if one.ts is None else micros + (one.ts - epoch).microseconds
            found[repr((micros, *(values[name] for name in COLUMNS), one.opted_out))] += 1
    return found


def differences(expected, actual):
    """Return what only one of the two readings has."""
    print(expected - actual, actual - expected)
    return sorted([("python", row) for row in expected - actual] + [("spark", row) for row in actual - expected])


@pytest.mark.parametrize(("ending", "lines"), [("jsonl", JSONL), ("csv", CSV)])
def test_odd_lines(spark, tmp_path, ending, lines):
    """Numbers, nulls, blanks, quotes, repeated names, times in every spelling, bytes that are no text."""
    path = tmp_path / f"2026-09-01.{ending}"
    path.write_bytes("\n".join(lines).encode() + b'\n{"id": "\xff\xfe", "u": "x"}\n')
    source = Source(**SHARED, uris=[f"{tmp_path}/{{date}}.{ending}"], format=ending, fields=FIELDS)
    assert source.mistakes() == []

    expected = by_python(source, [str(path)])

    assert expected.total() > 30
    assert differences(expected, by_spark(spark, source, [str(path)])) == []
    assert differences(expected, by_spark(spark, source, [str(path)], torn=[str(path)])) == []


def test_parquet_of_odd_types(spark, tmp_path):
    """Times of every unit, numbers as ids, bytes, structs; one file of other types and one that was cut short."""
    when = datetime(2026, 9, 1, 10, 0, 0, 123456, tzinfo=UTC)
    columns = {
        "id": pa.array([1.5, 2e9, None, 4.0]), "u": pa.array([1, 2, 3, None]),
        "t": pa.array([when] * 4, pa.timestamp("ns", "UTC")),
        "q": pa.array([b"a", b"\xff", b"", None], pa.binary()), "r": pa.array([["a", None], [], None, ["b"]]),
        "event": pa.array([{"a": None, "i": None}, None, {"a": "tap", "i": "song:1"}, {"a": "tap", "i": None}]),
        "p": pa.array(["1", "x", "2.5", None]), "o": pa.array([False, True, None, False]),
    }  # fmt: skip
    other = columns | {"t": pa.array([when.replace(tzinfo=None)] * 4, pa.timestamp("us")), "p": pa.array([1, 2, 3, 4])}
    uris = []
    for name, table in (("a", columns), ("b", other), ("c", columns)):
        (tmp_path / name).mkdir()
        uris.append(f"{tmp_path}/{name}/2026-09-01.parquet")
        pq.write_table(pa.table(table), uris[-1])
    (tmp_path / "c" / "2026-09-01.parquet").write_bytes(b"PAR1 and no more")
    fields = FIELDS | {"action": "event.a", "item": "event.i"}
    source = Source(**SHARED, uris=[f"{tmp_path}/*/{{date}}.parquet"], format="parquet", fields=fields)

    expected = by_python(source, uris)

    assert expected.total() == 9
    assert differences(expected, by_spark(spark, source, uris)) == []
    assert differences(expected, by_spark(spark, source, uris, torn=uris)) == []


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("zst", zstandard.compress)])
def test_spark_fails_at_every_file_that_is_not_whole(spark, tmp_path, ending, pack):
    """Nothing else would make the extraction look for damage: a file that merely ended early would lose in silence."""
    source = Source(**SHARED, uris=[f"{tmp_path}/*"], fields=FIELDS)
    noise = random.Random(7)
    packed = pack(b"".join(b'{"id": "%d", "q": "%x"}\n' % (n, noise.getrandbits(64)) for n in range(9000)))
    for number, content in enumerate((packed[:2], packed[: len(packed) // 2], packed[:-1], packed + packed[:99])):
        path = tmp_path / f"{number}.jsonl.{ending}"
        path.write_bytes(content)
        assert not salvage.whole(str(path))
        with pytest.raises(Py4JJavaError):
            records(spark, source, [str(path)]).count()
