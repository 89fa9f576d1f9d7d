"""The extraction against DuckDB over the same raw files, row for row; and against the simulator's ledger of lines."""

from collections import Counter, defaultdict

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from builders import whole_log
from builders.duckdb_searches import digest, extract
from builders.same_rows import differences
from builders.whole_log import CROWD, KEYS
from reprise.lake import DAILY
from reprise.sandbox.music import day_name

pytestmark = pytest.mark.spark

#: What becomes of every kind of line that the simulator writes. Whatever is not named is used.
FATES = {
    "duplicate": "dropped:duplicate",
    "duplicate_id": "dropped:duplicate id",
    "garbled": "rejected:unreadable",
    "bad_utf8": "rejected:not UTF-8",
    "unknown_action": "rejected:unknown action",
    "clock_skew": "rejected:bad or missing ts",
    "internal": "dropped:internal",
    "optout": "dropped:opted out",
    "bot": "dropped:extreme user",
}
MISSING = {"app": "rejected:missing search_id", "ios": "rejected:missing search_id", "player": "rejected:missing item"}


@pytest.fixture(scope="module")
def oracle(whole):
    """The daily tables by DuckDB."""
    return extract(whole.deployment.logs, whole.files, whole.plan.days, KEYS)


@pytest.mark.parametrize("part", ["SIMULATED", "SWITCHED", "EDGY", "ODD", "CROWD", "LATE"])
def test_every_table_is_the_same_row_for_row(whole, oracle, part):
    """Plain listeners; those with a cascade, trust and drift, across a change of keys; limits; odd values; a bot.

    Broken lines are left out: what is JSON, JSON libraries do not agree on.
    """
    days = getattr(whole_log, part)
    found = {}
    for name in DAILY:
        mine = oracle[name].filter(pc.is_in(oracle[name]["dt"], value_set=pa.array([day_name(day) for day in days])))
        assert mine.num_rows or name in ("rejects", "item_stats")
        found[name] = differences(mine, whole.table(name, days), without=["file"])

    assert found == {name: [] for name in DAILY}


def test_rejects_name_their_file(whole, oracle):
    """The same file, however its address is written."""
    mine, theirs = (
        Counter((row["file"].removeprefix("file:"), row["reason"]) for row in rows if row["dt"] == day_name(0))
        for rows in (oracle["rejects"].to_pylist(), whole.rows("rejects"))
    )

    assert mine == theirs
    assert mine.total() > 5


def test_groups_of_listeners_are_no_more_than_listeners(whole):
    """Whatever was searched, somebody searched it; and of a crowd nearly every group did."""
    listeners = defaultdict(set)
    for row in whole.rows("searches"):
        listeners[row["dt"], row["q"], row["language"]].add(row["user"])
    groups = {(r["dt"], r["q"], r["language"]): r["listeners"].bit_count() for r in whole.rows("query_stats")}

    assert groups.keys() == listeners.keys()
    assert all(0 < groups[key] <= len(listeners[key]) for key in groups)
    assert 55 < groups[day_name(CROWD[0]), "viral", ""] <= 63


@pytest.mark.parametrize(("seed", "part"), [(7, "SIMULATED"), (11, "SWITCHED")])
def test_every_line_of_the_simulator_has_the_fate_of_its_kind(whole, seed, part):
    """Day by day and source by source, to the line: true records are used, every kind of dirt falls for its reason."""
    days = getattr(whole_log, part)
    expected = Counter()
    for day in days:
        for source, kinds in whole.lived[seed].ledger[day_name(day)].items():
            for kind, lines in kinds.items():
                fate = MISSING[source] if kind == "missing_id" else FATES.get(kind, "used")
                expected[day_name(day), source, fate] += lines
    rows = [row for row in whole.rows("log_counts", days) if not row["source"].startswith("hand")]

    assert expected == {(row["dt"], row["source"], row["fate"]): row["records"] for row in rows}


def test_the_hash_that_decides_between_copies_is_sparks(spark):
    """Over every length there is a branch for."""
    texts = ["", "a", "seven b", "eight by", "twelve bytes", "x" * 31, "x" * 32, "é" * 40, "abc" * 100]
    frame = spark.createDataFrame([(text,) for text in texts], "text string").selectExpr("xxhash64(text)")

    assert [digest(text) for text in texts] == [row[0] for row in frame.collect()]
