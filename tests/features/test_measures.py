"""Behaviour features against DuckDB, and that the future never enters."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from pyspark.sql import functions as f

from builders.small_service import DAYS, item_stats
from reprise.errors import UsageError
from reprise.features.measures import last_day, values, values_before
from reprise.plan import Block
from reprise.settings import BehaviourFeature, Solr

pytestmark = pytest.mark.spark

ITEMS = [f"{entity}:{n}" for entity in ("song", "artist") for n in range(6)]
MEASURES = ("plays", "listeners", "completion", "skip_rate", "save_rate", "search_utility", "search_plays", "trend")
#: The formula of the module's docstring, written once more in SQL.
ORACLE = """
with sums as (select item, split_part(item, ':', 1) as entity, sum(plays) as p, sum(listeners) as l,
    sum(completions) as c, sum(skips) as s, sum(saves) as v, sum(search_utility_sum) as u,
    sum(case when dt > '{before}' then plays else 0 end) as recent, sum(search_plays) as sp
    from stats where dt between '{first}' and '{until}' group by item)
select item, ln(1 + p * {scale}) as plays, ln(1 + l * {scale}) as listeners,
    (c + 5 * sum(c) over e / sum(p) over e) / (p + 5) as completion,
    (s + 5 * sum(s) over e / sum(p) over e) / (p + 5) as skip_rate,
    (v + 5 * sum(v) over e / sum(p) over e) / (p + 5) as save_rate,
    (u + 5 * sum(u) over e / sum(sp) over e) / (sp + 5) as search_utility,
    ln(1 + sp * {scale}) as search_plays,
    ln((recent + 5) / (p * {recent_share} + 5)) as trend
from sums window e as (partition by entity) order by item
"""


def features(days=28):
    return [
        (m, BehaviourFeature(name=m, kind="behaviour", meaning="m", measure=m, days=days, prior=5, recent_days=2))
        for m in MEASURES
    ]


def frame(spark, rows):
    return spark.createDataFrame([tuple(row[name] for name in rows[0]) for row in rows], list(rows[0]))


def computed(spark, rows, until, days=28):
    rows = values(frame(spark, rows), DAYS, until, features(days)).collect()
    found = pd.DataFrame([row.asDict() for row in rows])
    return found.sort_values("item").reset_index(drop=True)[["item", *MEASURES]]


@pytest.mark.parametrize(("days", "first", "covered"), [(28, "2026-08-08", 4), (3, "2026-09-02", 3)])
def test_values_are_those_of_the_formula(spark, days, first, covered):
    rows = item_stats(DAYS, ITEMS)
    stats = pd.DataFrame(rows)  # noqa: F841  DuckDB reads it by name
    window = {"first": first, "until": "2026-09-04", "before": "2026-09-02"}
    expected = duckdb.sql(ORACLE.format(**window, scale=days / covered, recent_share=2 / covered)).df()

    actual = computed(spark, rows, "2026-09-04", days)

    assert expected["item"].tolist() == actual["item"].tolist()
    np.testing.assert_allclose(expected[list(MEASURES)], actual[list(MEASURES)], rtol=1e-6)


def test_later_days_change_nothing(spark):
    rows = item_stats(DAYS, ITEMS)
    past = [row for row in rows if row["dt"] <= "2026-09-04"]
    wild_future = [{**row, "plays": row["plays"] + 1000} for row in rows if row["dt"] > "2026-09-04"]

    expected = computed(spark, past, "2026-09-04")
    actual = computed(spark, past + wild_future, "2026-09-04")

    pd.testing.assert_frame_equal(expected, actual)


def test_two_windows_stand_side_by_side(spark):
    both = [("short", features(3)[0][1]), ("long", features(28)[0][1])]

    found = values(frame(spark, item_stats(DAYS, ITEMS)), DAYS, "2026-09-04", both)

    assert {"item", "short", "long"} == set(found.columns)
    assert len(ITEMS) == found.count()


@pytest.mark.parametrize("lag", [-1, -3])
def test_a_window_that_reaches_into_its_block_fails(spark, lag):
    """The settings do not allow such a lag; the code that makes windows does not either."""
    block = Block("test", "test", "2026-09-05", "2026-09-06")

    with pytest.raises(UsageError, match=r"would hold days of block test, whose labels begin on 2026-09-05 → "):
        values_before(frame(spark, item_stats(DAYS, ITEMS)), DAYS, block, lag, features())
    with pytest.raises(ValidationError):
        Solr(features=[{"name": "e", "kind": "match", "meaning": "m"}], behaviour_lag_days=lag)


def test_a_measure_that_looks_too_far_finds_nothing_there(spark, monkeypatch):
    """A measure planted to sum all days there are, whatever its window, still sees none of its block."""
    block = Block("test", "test", "2026-09-05", "2026-09-06")
    rows = item_stats(DAYS, ITEMS)
    planted = lambda stats, days, until, features: stats.groupBy("item").agg(f.sum("plays").alias("plays"))  # noqa: E731
    monkeypatch.setattr("reprise.features.measures.values", planted)

    found = values_before(frame(spark, rows), DAYS, block, 0, features())

    before = {item: sum(r["plays"] for r in rows if r["item"] == item and r["dt"] < block.first) for item in ITEMS}
    assert {row["item"]: row["plays"] for row in found.collect()} == {i: n for i, n in before.items() if n}


def test_a_block_knows_what_serving_knew_the_day_it_began():
    assert last_day("2026-09-03", 1) == "2026-09-01"
    assert last_day("2026-09-03", 0) == "2026-09-02"


def test_an_item_that_one_window_alone_knows_has_the_others_default(spark):
    rows = [row for row in item_stats(DAYS, ITEMS) if row["dt"] < "2026-09-03" or row["item"] != "song:1"]
    short = BehaviourFeature(name="s", kind="behaviour", meaning="m", measure="plays", days=2, default=-3)

    found = values(frame(spark, rows), DAYS, "2026-09-04", [("short", short), ("long", features(28)[0][1])])

    assert {row["item"]: row["short"] for row in found.collect() if row["short"] < 0} == {"song:1": -3.0}
