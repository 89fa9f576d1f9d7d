"""Retention by log days: what a deployment's settings make of its lake, and the commands."""

import json
import time

import pytest

from builders.days import publish_day
from reprise import cli
from reprise.errors import MissingDataError, UsageError
from reprise.lake import Lake
from reprise.plan import days_between, logs_version
from reprise.searches.privacy import day_before, ensure_keys, load_keys
from reprise.searches.retention import sweep_deployment
from reprise.settings import Deployment, load_deployment

DAYS = days_between("2026-03-01", "2026-09-30")
NEWEST = DAYS[-1]
KEPT = {"rejects": 7, "impressions": 35, "searches": 35, "query_item_stats": 400}


def deployment(**logs):
    source = {"name": "app", "kind": "search", "uris": ["s3://x/{date}"], "fields": {"user": "u"}}
    features = [{"name": "score", "meaning": "the engine's own", "kind": "match"}]
    return Deployment.model_validate(
        {"name": "tiny", "logs": {"sources": [source], **logs}, "solr": {"features": features}, "gate": {}}
    )


def filled(folder, version):
    lake = Lake(str(folder))
    ensure_keys(lake, DAYS, 30)
    for day in [*DAYS[::10], NEWEST]:
        publish_day(lake, version, day, {table: [{"dt": day}] for table in KEPT})
    return lake


def left(lake, table, version):
    return [p.removeprefix("dt=") for p, m in lake.partitions(table, version).items() if not m.has_expired(table)]


def test_each_table_keeps_its_days_and_keys_outlive_the_look_back(tmp_path):
    """Counted back from the newest day in the lake, not from today; the newest day counts as the first."""
    settings = deployment(privacy={"retention_days": {"rejects": 7}})
    lake = filled(tmp_path, logs_version(settings))
    version, keys = logs_version(settings), load_keys(lake)
    planned, doomed = sweep_deployment(settings, lake, dry_run=True)
    swept, destroyed = sweep_deployment(settings, lake)
    sweep_deployment(settings, lake, now=time.time() + 80 * 3600)

    assert swept.expired == planned.expired
    assert destroyed == doomed == [key for key in keys if key.last < day_before(NEWEST, 120)]
    assert 0 < len(destroyed) < len(keys)
    for table, days in KEPT.items():
        first = day_before(NEWEST, days - 1)
        expected = [day for day in sorted({*DAYS[::10], NEWEST}) if day >= first]
        assert left(lake, table, version) == expected
        files = [key for key in lake.store.list("days/") if f"/{table}/" in key]
        assert len(files) == len(expected)
        for day in expected:
            assert lake.read(table, version, [f"dt={day}"]).to_pylist()[0]["dt"] == day
    with pytest.raises(MissingDataError, match="beyond its retention"):
        lake.files("rejects", version, [f"dt={DAYS[0]}"])


def test_a_retention_shorter_than_the_look_back_is_refused(tmp_path):
    """Else the sweep would take away what the next retrain reads."""
    with pytest.raises(UsageError, match=r"keeps query_stats for less than lookback_days \(90\)"):
        sweep_deployment(deployment(privacy={"retention_days": {"query_stats": 60}}), Lake(str(tmp_path)))


def test_an_empty_lake_is_swept_without_harm(tmp_path):
    swept, destroyed = sweep_deployment(deployment(), Lake(str(tmp_path)))

    assert (swept.removed, swept.expired, destroyed) == ({}, [], [])


def test_privacy_settings_do_not_change_what_was_extracted():
    """Changing a retention or a rotation makes no day stale."""
    assert logs_version(deployment()) == logs_version(deployment(privacy={"rotate_key_days": 7}))


def test_the_commands(tmp_path, monkeypatch, capsys):
    """A dry run names what would go and changes nothing; forgetting prints neither id nor hash."""
    demo = load_deployment("demo")
    lake = filled(tmp_path / demo.name, logs_version(demo))
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_LAKE", json.dumps({"host": f"file://{tmp_path}"}))
    before = lake.store.list()
    assert cli.exit_code(["lake", "sweep", "demo", "--dry-run"]) == 0
    printed = capsys.readouterr().out

    assert f"expired: rejects/dt={DAYS[0]}" in printed
    assert lake.store.list() == before
    monkeypatch.setattr("sys.stdin", iter_line("mira\n"))
    assert cli.exit_code(["lake", "forget", "demo"]) == 0
    printed = capsys.readouterr().out
    assert "0 rows of 0 days" in printed
    assert "mira" not in printed


def iter_line(text):
    import io

    return io.StringIO(text)
