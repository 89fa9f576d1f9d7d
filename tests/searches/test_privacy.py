"""User keys and hashes: written once, rotating by log days, the same on Spark as in plain Python, and nowhere else."""

import hashlib
import hmac
import json
import threading

import pytest

from reprise.errors import MissingDataError
from reprise.lake import Lake
from reprise.plan import days_between
from reprise.searches.privacy import (
    UserKey,
    destroy_keys,
    ensure_keys,
    forgotten,
    hash_user,
    hashes_of,
    load_keys,
    remember_to_forget,
    with_user_hash,
)

DAYS = days_between("2026-10-01", "2026-10-31")


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def lake(request, tmp_path):
    """A fresh lake, on a folder or on the sandbox's S3."""
    if request.param == "local":
        return Lake(str(tmp_path / "lake"))
    return Lake(f"s3://{request.getfixturevalue('new_bucket')()}/demo")


def key_of(keys, day):
    (found,) = [key for key in keys if key.covers(day)]
    return found


def test_each_day_has_one_key_and_keeps_it(lake):
    """Whatever is asked later, in whatever order, with whatever rotation."""
    first = ensure_keys(lake, ["2026-10-20"], 7)
    some = ensure_keys(lake, DAYS, 7)
    again = ensure_keys(lake, reversed(DAYS), 30)
    wider = ensure_keys(lake, days_between("2026-09-01", "2026-12-01"), 10)

    assert first[0] in some
    assert again == some
    assert [key_of(wider, day) for day in DAYS] == [key_of(some, day) for day in DAYS]
    assert len({key.secret for key in wider}) == len(wider)
    assert {len(key.secret) for key in wider} == {32}


def test_of_writers_at_once_all_use_the_same_keys(lake):
    """The conditional put is the arbiter."""
    barrier, found = threading.Barrier(6), []

    def writer():
        barrier.wait()
        found.append(ensure_keys(lake, DAYS, 7))

    threads = [threading.Thread(target=writer) for _ in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]

    assert len(found) == 6
    assert all(keys == found[0] for keys in found)


def test_a_destroyed_key_never_comes_back(lake):
    """Its days are refused, not hashed with a new key; its secret is in no object; other keys stay."""
    old, new = (key_of(ensure_keys(lake, DAYS, 7), day) for day in (DAYS[0], DAYS[-1]))
    known = hashes_of("mira", [new])
    planned = destroy_keys(lake, DAYS[8], dry_run=True)

    assert old in planned
    assert key_of(load_keys(lake), DAYS[0]) == old
    assert destroy_keys(lake, DAYS[8]) == planned
    with pytest.raises(MissingDataError, match="was destroyed"):
        ensure_keys(lake, [DAYS[0]], 7)
    assert not any(old.secret.hex().encode() in lake.store.get(key) for key in lake.store.list())
    assert known <= hashes_of("mira", load_keys(lake))
    assert hash_user("mira", old.secret) not in hashes_of("mira", load_keys(lake))
    assert destroy_keys(lake, DAYS[8]) == []


def test_a_key_prints_without_its_secret():
    """So it cannot reach a log by accident."""
    key = UserKey("2026-10-01", "2026-10-07", b"s3cret" * 5)

    assert "s3cret" not in repr(key)
    assert b"s3cret".hex() not in repr(key)


def test_hashes_are_hmac(lake):
    """The published algorithm, under the key of the day."""
    key = ensure_keys(lake, DAYS, 90)[0]

    assert hash_user("मीरा", key.secret) == hmac.digest(key.secret, "मीरा".encode(), hashlib.sha256).hex()[:16]


@pytest.mark.spark
def test_spark_and_plain_python_agree_and_no_plan_shows_a_key(spark, tmp_path):
    """Row by row over odd ids and days, at a rotation's midnight too; every form of the plan is searched."""
    keys = ensure_keys(Lake(str(tmp_path)), DAYS, 7)
    users = ["mira", "मीरा", "", " 42", "a" * 300, 'x|y\\"z', None]
    days = [*DAYS, "2020-01-01", "2099-01-01", None]
    rows = [(user, day) for user in users for day in days]
    frame = spark.createDataFrame(rows, "user string, day string")
    hashed = with_user_hash(frame, keys, raw="user", day="day", into="hash")
    plan = hashed._jdf.queryExecution().toString() + hashed._jdf.queryExecution().debug().codegenToSeq().toString()
    first, last = keys[0].first, keys[-1].last
    got = {(r["user"], r["day"]): r["hash"] for r in hashed.collect()}

    assert len(got) == len(rows)
    for user, day in rows:
        expected = None if user is None else hash_user(user, key_of(keys, min(max(day or "", first), last)).secret)
        assert got[user, day] == expected
    assert len({got["mira", day] for day in DAYS}) == len({key.first for key in keys if key.first <= DAYS[-1]})
    secrets = [key.secret for key in keys]
    shown = plan.lower()
    pads = [bytes(b ^ pad for b in secret.ljust(64, b"\0")) for secret in secrets for pad in (0x36, 0x5C)]
    assert [s for s in (*secrets, *pads) if s[:8].hex() in shown] == []


@pytest.mark.spark
def test_a_column_can_be_hashed_in_place(spark, tmp_path):
    """Then the raw id is gone from the frame."""
    keys = ensure_keys(Lake(str(tmp_path)), DAYS, 90)
    frame = spark.createDataFrame([("mira", DAYS[0])], "user string, day string")
    hashed = with_user_hash(frame, keys, raw="user", day="day", into="user")

    assert sorted(hashed.columns) == ["day", "user"]
    assert hashed.first()["user"] == hash_user("mira", key_of(keys, DAYS[0]).secret)


def test_the_standing_list_grows_and_holds_hashes_alone(lake):
    """Asked twice it stays; two requests at once are both kept."""
    keys = ensure_keys(lake, DAYS, 7)
    for user in ("mira", "tomas", "mira"):
        remember_to_forget(lake, hashes_of(user, keys))

    assert forgotten(lake) == hashes_of("mira", keys) | hashes_of("tomas", keys)
    assert len(lake.store.list("keys/forgotten/")) == 2
    content = json.dumps([lake.get_json(key) for key in lake.store.list("keys/forgotten/")])
    assert "mira" not in content
    assert "tomas" not in content
