"""A log that somebody else wrote, mapped without code: every count reconciles with the file."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from builders.logs import plan_of
from builders.same_rows import differences_from_duckdb
from reprise.cli import exit_code
from reprise.lake import DAILY
from reprise.searches import check_logs
from reprise.searches.calendar import closed_days
from reprise.searches.check import check
from reprise.searches.extract import run
from reprise.settings import load_deployment


def counted(path):
    """Return what the file holds, read the plainest way."""
    kinds = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            kinds["unreadable"] += 1
            continue
        if set(record) != {"index"}:
            kinds[record.get("action_name", "query")] += 1
    return kinds


def extract(lake):
    """Extract all days of the `ubi` deployment and return its rows by table."""
    deployment = load_deployment("ubi")
    plan = plan_of(deployment, lake, closed_days(deployment))
    verdict = run(plan)
    partitions = [f"dt={day}" for day in plan.days]
    names = ("searches", "impressions", "rejects", "log_counts", "query_item_stats")
    opened = plan.open_lake()
    return plan, verdict, {n: opened.read(n, plan.logs_version, partitions).to_pylist() for n in names}


@pytest.mark.spark
def test_the_tiny_log_of_our_own_making(spark, ubi_fixture, tmp_path):
    """Four queries on three days, one unknown action, one click on nothing, one broken line."""
    plan, _, rows = extract(tmp_path)
    kinds = counted(ubi_fixture)
    fates = Counter()
    for row in rows["log_counts"]:
        fates[row["fate"]] += row["records"]

    assert kinds == {"query": 4, "impression": 10, "click": 5, "zoom": 1, "unreadable": 1}
    assert fates == {
        "used": 4 + 10 + 4,
        "dropped:unknown search": 1,
        "rejected:unknown action": 1,
        "rejected:unreadable": 1,
    }
    assert len(rows["searches"]) == 4
    assert len(rows["impressions"]) == 10
    clicked = {(r["search_id"], r["item"], r["position"], r["utility"]) for r in rows["impressions"] if r["clicked"]}
    assert clicked == {("q1", "K3", 3, 1.0), ("q3", "R1", 1, 1.0), ("q3", "R4", 4, 1.0), ("q4", "L1", 1, 1.0)}
    assert [r["raw"] for r in rows["rejects"] if r["reason"] == "unreadable"] == [
        '{"application": "tiny_shop", "query_id": "q5", "user_qu'
    ]
    assert differences_from_duckdb(plan) == {name: [] for name in DAILY}


@pytest.mark.spark
@pytest.mark.skipif(not os.environ.get("REPRISE_FOREIGN_DATA"), reason="REPRISE_FOREIGN_DATA names no folder")
def test_the_foreign_log_reconciles_exactly(spark, tmp_path):
    """Queries, events, impressions, clicks and rejects are those of the file, on every day."""
    plan, _, rows = extract(tmp_path)
    (path,) = (Path(os.environ["REPRISE_FOREIGN_DATA"]) / "ubi-o19s").glob("*.ndjson")
    kinds = counted(path)

    assert kinds == {"query": 200, "impression": 1000, "click": 60}
    assert sum(r["records"] for r in rows["log_counts"]) == kinds.total()
    assert {r["fate"] for r in rows["log_counts"]} == {"used"}
    assert rows["rejects"] == []
    assert len(rows["searches"]) == kinds["query"]
    assert len(rows["impressions"]) == kinds["impression"]
    assert sum(r["clicked"] for r in rows["impressions"]) == kinds["click"]
    assert {r["position"] for r in rows["impressions"]} == {1, 2, 3, 4, 5}
    assert sum(r["impressions"] for r in rows["query_item_stats"]) == kinds["impression"]
    assert check_logs.run(plan).answer == "yes"
    assert differences_from_duckdb(plan) == {name: [] for name in DAILY}


def test_check_names_the_next_edit(ubi_fixture, capsys):
    """An action that logs.yaml does not know is the first thing to edit."""
    report = check(load_deployment("ubi"))

    (source,) = report.sources
    assert (source.records, source.kinds["search"], source.kinds["impression"]) == (21, 4, 10)
    assert source.rejects == {"unknown action": 1, "unreadable": 1}
    assert report.edits[0] == "logs.yaml: sources.ubi.actions: map 'zoom' (1 records), or leave it rejected"
    assert report.searches[0][1:] == ("blue kettle", 3)
    assert not report.identifiable
    assert report.play_join is None

    assert exit_code(["check", "ubi"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "position bias: cannot be measured" in printed
    assert "clicks-only" in printed
    assert "next edit 1: logs.yaml: sources.ubi.actions" in printed
