"""What goes wrong on the way from raw files to published days: nothing is lost, doubled or half there."""

import os
import threading
import time
from pathlib import Path

import pytest

from builders.flaky_s3 import flaky_s3
from builders.logs import Logs, at, plan_of
from reprise.lake import DAILY, Lake
from reprise.lake import DAYS as DAY_TABLES
from reprise.searches.extract import run

pytestmark = pytest.mark.spark
DAYS = ["2026-09-01", "2026-09-02"]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory):
    """A few searches and plays on each of two days."""
    logs = Logs(tmp_path_factory.mktemp("raw"))
    logs.quiet_days(range(3))
    for day in range(2):
        for n in range(20):
            logs.search(f"s{day}-{n}", at(day, 9, 60 * n), f"wish {n % 5}", ["song:1", "song:2"], f"u{n}")
            logs.event("click", f"s{day}-{n}", at(day, 9, 60 * n + 3), "song:2", f"u{n}")
            logs.play(f"p{day}-{n}", at(day, 9, 60 * n + 4), "song:2", 20 * n, f"u{n}")
    logs.write()
    return logs.deployment()


@pytest.fixture(scope="module")
def undisturbed(spark, deployment, tmp_path_factory):
    """All tables as one quiet extraction writes them, and the keys that it made."""
    plan = plan_of(deployment, tmp_path_factory.mktemp("lake"), DAYS)
    run(plan)
    lake = plan.open_lake()
    return contents(plan), {key: lake.store.get(key) for key in lake.store.list("keys/")}


def contents(plan):
    """Return every table's rows in an order of their own; users are hashes under the lake's keys."""
    lake, parts = plan.open_lake(), [f"dt={day}" for day in plan.days]
    return {
        table: sorted(
            str({k: round(v, 9) if isinstance(v, float) else v for k, v in row.items()})
            for row in lake.read(table, plan.logs_version, parts).to_pylist()
        )
        for table in DAILY
    }


def with_keys(uri, keys):
    """Give a lake the keys of another, so that its hashes are the same."""
    for key, content in keys.items():
        Lake(str(uri)).store.put(key, content)


def test_s3_that_says_slow_down_for_a_while_costs_time_alone(
    spark, s3, home, new_bucket, deployment, undisturbed, monkeypatch
):
    bucket = new_bucket()
    plan = plan_of(deployment, f"s3://{bucket}/lake", DAYS)
    expected, keys = undisturbed
    with_keys(plan.lake, keys)
    hadoop = spark.sparkContext._jsc.hadoopConfiguration()
    with flaky_s3(home.url("s3"), objects=60, times=2) as door:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", door.url)
        hadoop.set(f"fs.s3a.bucket.{bucket}.endpoint", door.url)
        run(plan)
        found = contents(plan)

    assert found == expected
    assert len(door.refused) == 60
    assert {method for method, _ in door.refused} >= {"GET", "HEAD", "PUT"}


def test_killed_while_it_writes_the_next_run_does_all_of_it(spark, deployment, undisturbed, tmp_path):
    """Whatever the first attempt had written is nobody's: not one row of it is read."""
    plan = plan_of(deployment, tmp_path / "lake", DAYS)
    expected, keys = undisturbed
    with_keys(plan.lake, keys)
    written, dead = [], threading.Event()

    def kill() -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not dead.is_set():
            # Folders come and go while they are looked at, which walk takes as it is.
            for folder, _, files in os.walk(Path(plan.lake, DAY_TABLES)):
                written.extend(Path(folder, name) for name in files if name.endswith(".parquet"))
            if written:  # again and again: between two jobs there is none to cancel
                spark.sparkContext.cancelAllJobs()
            time.sleep(0.002)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(Exception, match="cancelled"):
            run(plan)
    finally:
        dead.set()
        killer.join()

    assert written
    assert plan.open_lake().partitions(DAY_TABLES, plan.logs_version) == {}
    run(plan)
    assert contents(plan) == expected
