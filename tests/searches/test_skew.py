"""A query that everybody asks, a bot, a client that repeats itself without end; and records that come late."""

import shutil
from collections import Counter
from dataclasses import replace

import pytest

from builders.logs import Logs, at
from builders.whole_log import BOT_RECORDS, CROWD, FAR, KEYS, LATE, PARTS, SIMULATED
from reprise.lake import DAYS
from reprise.sandbox.music import day_name
from reprise.searches.extract import run
from reprise.searches.privacy import hash_user

pytestmark = pytest.mark.spark


def _hash(user):
    return hash_user(user, KEYS[-1].secret)


def test_a_bot_is_counted_and_in_no_table(whole):
    """20,000 records of one listener on one day: all of them dropped, and nothing of them in any sum."""
    fates = {row["fate"]: row["records"] for row in whole.rows("log_counts", CROWD) if row["source"] == "hand"}
    users = {row["user"] for name in ("searches", "impressions") for row in whole.rows(name, CROWD)}
    viral = [row for row in whole.rows("query_item_stats", CROWD) if row["q"] == "viral" and row["item"] == "song:1"]

    assert fates["dropped:extreme user"] == BOT_RECORDS
    assert _hash("robot") not in users
    assert len(users) == 900 + 1
    assert [(row["impressions"], row["clicks"]) for row in viral] == [(1000, 0)]


def test_a_viral_query_is_a_row_like_others(whole):
    """A third of all searches, by a third of all listeners."""
    asked = Counter(row["q"] for row in whole.rows("searches", CROWD))
    viral = [row for row in whole.rows("query_item_stats", CROWD) if row["q"] == "viral"]

    assert asked["viral"] == 1000
    assert {(row["item"], row["position"], row["impressions"], row["user_days"]) for row in viral} == {
        ("song:1", 1, 1000, 300),
        ("song:2", 2, 1000, 300),
    }


def test_a_screen_reported_again_and_again_is_one_list(whole):
    """5,000 impression events of ten items under one search; work that grew with their square would not end."""
    rows = [row for row in whole.rows("impressions", CROWD) if row["search_id"] == "stuck"]

    assert sorted((row["item"], row["position"]) for row in rows) == [(f"song:{n}", n + 1) for n in range(10)]


def test_late_events_rebuild_their_day_and_no_other(whole, tmp_path):
    """A click that arrives in the next day's files: a new version of its day, whose tables now have it."""
    lake = shutil.copytree(whole.plan.lake, tmp_path / "lake")
    plan = replace(whole.plan, lake=str(lake))
    published = plan.open_lake().partitions(DAYS, plan.logs_version)
    late = Logs(whole.root / "hand")
    late.event("click", f"here-{LATE[0]}", at(LATE[0], 9, 1), "song:2", "here", day=at(LATE[0] + 1))
    late.write()
    written = whole.root / "hand" / "app" / f"dt={day_name(LATE[0] + 1)}"
    try:
        verdict = run(plan)
    finally:
        shutil.rmtree(written)

    assert verdict.facts["days"] == [day_name(LATE[0])]
    now = plan.open_lake().partitions(DAYS, plan.logs_version)
    before, rebuilt = published.pop(f"dt={day_name(LATE[0])}"), now.pop(f"dt={day_name(LATE[0])}")
    assert (before.number, rebuilt.number) == (1, 2)
    assert set(before.inputs) < set(rebuilt.inputs)
    assert now == published
    assert len(now) == len(PARTS) - 1
    impressions = plan.open_lake().read("impressions", plan.logs_version, [f"dt={day_name(LATE[0])}"])
    assert [row["item"] for row in impressions.to_pylist() if row["clicked"]] == ["song:2"]
    assert not any(row["clicked"] for row in whole.rows("impressions", (*LATE, *FAR)))
    assert whole.rows("searches", SIMULATED[:1])
