"""The same records in any order, in any files, delivered twice; and records that nobody expects."""

import base64
import gzip
import json
import random
import re
from collections import Counter, defaultdict

import pytest

from builders.same_rows import differences
from builders.whole_log import BROKEN, CROWD, ODD, PARTS, extracted_elsewhere, read
from reprise.sandbox.music import day_name
from reprise.searches.calendar import raw_files
from reprise.settings import Deployment

pytestmark = pytest.mark.spark
DAYS = tuple(day for day in PARTS if day not in CROWD)
OF_LISTENERS = ("searches", "impressions", "query_stats", "query_item_stats", "item_stats", "journey_stats")


def _content(file):
    with gzip.open(file.uri) as raw:
        return raw.read()


def _records(files):
    """How often each line is there, by source and day, as any reader of text divides lines."""
    found = defaultdict(Counter)
    for file in files:
        found[file.source, file.day].update(line for line in _content(file).splitlines() if line.strip(b" "))
    return found


@pytest.fixture(scope="module")
def delivered(whole, tmp_path_factory):
    """Every line again: in another order and other files, some lines twice, some files whole under a second name."""
    root, rng = tmp_path_factory.mktemp("again"), random.Random(1)
    lines, folders = defaultdict(list), defaultdict(set)
    for file in whole.files:
        if file.day != day_name(CROWD[0]):
            lines[file.source, file.day] += _content(file).removesuffix(b"\n").split(b"\n")
            folders[file.source, file.day].add(file.uri.rpartition("/")[0])
    for key, some in lines.items():
        again = some + rng.choices(some, k=len(some) // 4)
        rng.shuffle(again)
        cuts = sorted(rng.choices(range(len(again) + 1), k=rng.randint(0, 5)))
        parts = [again[start:end] for start, end in zip([0, *cuts], [*cuts, len(again)], strict=True)]
        for number, part in enumerate([*parts, parts[0]]):
            folder = root / rng.choice(sorted(folders[key])).removeprefix(f"{whole.root}/")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.jsonl.gz").write_bytes(gzip.compress(b"".join(line + b"\n" for line in part), 1))
    text = whole.deployment.model_dump_json().replace(f'"{whole.root}/', f'"{root}/')
    deployment = Deployment.model_validate_json(text)
    return extracted_elsewhere(whole, deployment, root / "lake", DAYS)


@pytest.mark.parametrize("name", OF_LISTENERS)
def test_the_order_of_lines_and_files_changes_nothing(whole, delivered, name):
    """Nor do records that are delivered twice: of every listener's day, whatever its records are."""
    assert differences(whole.table(name, DAYS), read(delivered, name, DAYS)) == []


def test_rejects_are_the_same_as_often_as_they_came(whole, delivered):
    """Each with its reason, once for every time its line was delivered."""
    before, now = _records(whole.files), _records(raw_files(delivered.deployment.logs))
    first = Counter((r["source"], r["dt"], r["reason"], r["raw"]) for r in whole.rows("rejects", DAYS))
    again = Counter((r["source"], r["dt"], r["reason"], r["raw"]) for r in read(delivered, "rejects", DAYS).to_pylist())

    assert first.keys() == again.keys()
    for key in first:
        line = _bytes(key[3])
        assert first[key] == before[key[:2]][line]
        assert again[key] == now[key[:2]][line]


def test_extra_copies_are_dropped_and_counted(whole, delivered):
    """As much is used as before; whatever came more often is among what fell out."""
    before, now = (_fates(table) for table in (whole.table("log_counts", DAYS), read(delivered, "log_counts", DAYS)))
    records = _records(raw_files(delivered.deployment.logs))

    assert before.keys() <= now.keys()
    for key, fates in now.items():
        assert fates["used"] == before[key]["used"]
        assert fates.total() == records[key].total()
        assert not before[key] - fates
    assert sum(fates["dropped:duplicate"] for fates in now.values()) > 5000


@pytest.mark.parametrize("day", [*ODD[1:], *BROKEN])
def test_no_record_is_fatal_and_each_has_one_fate(whole, day):
    """Odd values in every field, cut and spoiled lines, deep nesting, huge numbers, control characters."""
    records = _records(whole.files)
    fates = _fates(whole.table("log_counts", [day]))

    for source in ("hand", "hand-plays"):
        assert fates[source, day_name(day)].total() == records[source, day_name(day)].total() > 30


def test_rejects_hold_the_bytes_that_came(whole):
    """Word for word, or in base64 where they are no text."""
    records = _records(whole.files)
    rejects = whole.rows("rejects", [*ODD, *BROKEN])
    reasons = Counter(row["reason"] for row in rejects)

    assert reasons.keys() >= {"unreadable", "not UTF-8", "missing user", "unknown action", "bad or missing ts"}
    for row in rejects:
        assert records[row["source"], row["dt"]][_bytes(row["raw"])] > 0, json.dumps(row)


def _fates(table):
    found = defaultdict(Counter)
    for row in table.to_pylist():
        found[row["source"], row["dt"]][row["fate"]] += row["records"]
    return found


def _bytes(raw):
    coded = re.fullmatch(r"base64:([A-Za-z0-9+/=]*)", raw)
    return base64.b64decode(coded[1]) if coded else raw.encode()
