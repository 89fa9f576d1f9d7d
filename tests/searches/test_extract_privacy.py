"""What extraction writes of listeners: keyed hashes that change with the key, and nothing of who was forgotten."""

import shutil
from dataclasses import replace

import pytest

from builders.logs import Logs, at, plan_of
from reprise.errors import MissingDataError
from reprise.lake import DAYS as DAY_TABLES
from reprise.searches.extract import run
from reprise.searches.privacy import destroy_keys, hash_user, hashes_of, load_keys, remember_to_forget

pytestmark = pytest.mark.spark
DAYS = ["2026-09-01", "2026-09-02"]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Two listeners on both days, one of them with a reject that carries the id."""
    logs = Logs(tmp_path_factory.mktemp("raw"))
    logs.quiet_days(range(3))
    for day in range(2):
        for user in ("mira", "tomas"):
            logs.search(f"{user}-{day}", at(day, 9), f"wish of {user}", ["song:1", "song:2"], user)
            logs.event("click", f"{user}-{day}", at(day, 9, 3), "song:2", user)
            logs.play(f"{user}-play-{day}", at(day, 9, 4), "song:2", 60, user)
    logs.event("teleport", "mira-1", at(1, 9, 9), "song:1", "mira")
    logs.write()
    return logs


@pytest.fixture(scope="module")
def extracted(spark, logs, tmp_path_factory):
    """The plan after one extraction of both days, each with a key of its own."""
    plan = plan_of(logs.deployment(privacy={"rotate_key_days": 1}), tmp_path_factory.mktemp("lake"), DAYS)
    run(plan)
    return plan


@pytest.fixture
def plan(extracted, tmp_path):
    """The same with a lake of its own, in which nothing but the keys is left."""
    lake = shutil.copytree(extracted.lake, tmp_path / "lake")
    shutil.rmtree(lake / DAY_TABLES)
    return replace(extracted, lake=str(lake))


def rows(plan, table):
    return plan.open_lake().read(table, plan.logs_version, [f"dt={day}" for day in DAYS]).to_pylist()


def test_a_listener_has_another_hash_under_every_key(extracted):
    keys = load_keys(extracted.open_lake())
    users = {(row["search_id"], row["user"]) for row in rows(extracted, "searches")}
    for day, name in enumerate(DAYS):
        (key,) = [key for key in keys if key.covers(name)]
        assert (f"mira-{day}", hash_user("mira", key.secret)) in users
    assert len({user for search, user in users if search.startswith("mira-")}) == 2


def test_a_forgotten_listener_is_counted_and_in_no_table(extracted, plan):
    """Extraction has the records before it, keeps their number, and nothing else of them."""
    lake = plan.open_lake()
    theirs = hashes_of("mira", load_keys(lake))
    remember_to_forget(lake, theirs)
    run(plan)

    counted = {}
    for row in rows(plan, "log_counts"):
        counted[row["fate"]] = counted.get(row["fate"], 0) + row["records"]
    assert any("mira" in row["raw"] for row in rows(extracted, "rejects"))
    assert counted["dropped:forgotten"] == 7
    for table in ("searches", "impressions"):
        assert theirs.isdisjoint(row["user"] for row in rows(plan, table))
        assert {row["user"] for row in rows(plan, table)} & hashes_of("tomas", load_keys(lake))
    assert not any("mira" in row["raw"] for row in rows(plan, "rejects"))


def test_days_whose_key_was_destroyed_are_not_extracted_again(plan):
    destroy_keys(plan.open_lake(), "2026-09-02")

    with pytest.raises(MissingDataError, match="was destroyed"):
        run(plan)
