"""What Spark really ran for an extraction: raw bytes read once, listeners divided rarely, no product of two tables."""

import re

import pytest

from builders.logs import Logs, at, plan_of
from reprise.searches.extract import run

pytestmark = pytest.mark.spark
DAYS = ["2026-09-01", "2026-09-02"]


def executed(spark):
    """Return execution id → physical plan as it ended, of everything this session ran."""
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
    listed = spark._jsparkSession.sharedState().statusStore().executionsList()
    plans = {}
    for n in range(listed.size()):
        text = listed.apply(n).physicalPlanDescription()
        plans[listed.apply(n).executionId()] = text.split("+- == Initial Plan ==")[0]
    return plans


@pytest.fixture(scope="module")
def plans(spark, tmp_path_factory):
    """The plans of one extraction of two days, three files of raw records each."""
    logs = Logs(tmp_path_factory.mktemp("raw"))
    logs.quiet_days(range(3))
    logs.search("s", at(0, 9), "a wish", ["song:1", "song:2"], "mira")
    logs.play("p", at(0, 9, 4), "song:2", 60, "mira")
    logs.write()
    before = set(executed(spark))
    run(plan_of(logs.deployment(), tmp_path_factory.mktemp("lake"), DAYS))
    return [text for number, text in executed(spark).items() if number not in before]


def test_raw_bytes_are_read_once(plans):
    """One scan for each source, all in the plan that divides the records by listener."""
    scans = [len(re.findall(r"^\(\d+\) Scan text", plan, re.MULTILINE)) for plan in plans]

    assert sorted(n for n in scans if n) == [2]


def test_no_product_of_two_tables(plans):
    assert len(plans) > 15
    assert not any(re.search(r"CartesianProduct|BroadcastNestedLoopJoin", plan) for plan in plans)


def test_listeners_are_divided_no_more_often_than_needed(plans):
    """Records once; then requests, after Python wrote their text the one way, and the timeline, which is a union."""
    asked = [one for plan in plans for one in re.findall(r"^Arguments: hashpartitioning\(user#.*$", plan, re.MULTILINE)]
    reasons = [
        re.search(r"[A-Z_]{10,}", one)[0] for one in asked if re.match(r"Arguments: hashpartitioning\(user#\d+,", one)
    ]

    assert sorted(reasons) == ["ENSURE_REQUIREMENTS", "ENSURE_REQUIREMENTS", "REPARTITION_BY_NUM"]
