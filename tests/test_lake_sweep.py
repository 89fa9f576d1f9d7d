"""The lake's protocol under interleavings: publish, read, sweep and zombies, on a folder and on S3."""

import io
import os
import threading
import time
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.errors import MissingDataError, RepriseError, UsageError
from reprise.lake import PUBLISH_WITHIN_S, Lake
from reprise.lake_sweep import sweep

GRACE_S = 72 * 3600.0
DAY = "dt=2026-11-01"


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def lake(request, tmp_path):
    """A fresh lake, on a folder or on the sandbox's S3."""
    if request.param == "local":
        return Lake(str(tmp_path / "lake"))
    return Lake(f"s3://{request.getfixturevalue('new_bucket')()}/demo")


def after(hours):
    return time.time() + hours * 3600


def put_rows(lake, attempt, *items):
    """Write one file of an attempt, not published."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({"item": list(items)}), buffer)
    lake.store.put(f"{attempt.key}/part-0.parquet", buffer.getvalue())
    return attempt


def publish(lake, *items, replaces=None):
    attempt = put_rows(lake, lake.attempt("t", "v1", DAY), *items)
    return lake.publish(attempt, len(items), replaces=replaces)


def items(lake):
    return lake.read("t", "v1", [DAY])["item"].to_pylist()


def data(lake):
    return {key for key in lake.store.list() if key.endswith(".parquet")}


def test_what_is_read_stays_and_the_rest_goes_after_its_grace(lake):
    """Replaced and never published files are kept for the grace period; a dry run says which, and removes none."""
    first = publish(lake, "old")
    second = publish(lake, "new", replaces=first)
    orphan = put_rows(lake, lake.attempt("t", "v1", "dt=2026-11-02"), "lost")
    before = data(lake)

    assert sweep(lake, GRACE_S).removed == {}
    expected = {first.files[0]: "replaced", f"{orphan.key}/part-0.parquet": "never published"}
    assert sweep(lake, GRACE_S, dry_run=True, now=after(73)).removed == expected
    assert data(lake) == before
    assert sweep(lake, GRACE_S, now=after(73)).removed == expected
    assert data(lake) == set(second.files)
    assert items(lake) == ["new"]
    assert sweep(lake, GRACE_S, now=after(73)).removed == {}


def test_a_manifest_replaced_just_now_is_still_readable(tmp_path):
    """Its age counts from its successor, not from its own writing. (S3 lets nobody set an object's age.)"""
    lake = Lake(str(tmp_path))
    first = publish(lake, "old")
    for key in lake.store.list():
        os.utime(f"{lake.uri}/{key}", (time.time() - 9e6, time.time() - 9e6))
    publish(lake, "new", replaces=first)

    assert sweep(lake, GRACE_S).removed == {}
    assert first.files[0] in data(lake)


def test_a_zombie_that_finishes_late_is_never_read(lake):
    """It finds its number taken even after the files of that number were swept."""
    zombie = put_rows(lake, lake.attempt("t", "v1", DAY), "zombie")
    first = publish(lake, "one")
    publish(lake, "two", replaces=first)
    sweep(lake, GRACE_S, now=after(73))
    late = put_rows(lake, zombie, "zombie")  # writes once more, after it was swept

    assert lake.publish(late, 1).number == 2
    assert items(lake) == ["two"]
    assert not any(zombie.id in key for key in data(lake))


def test_a_swept_attempt_cannot_be_published(lake):
    """An empty partition in place of its rows would be worse than an error."""
    zombie = put_rows(lake, lake.attempt("t", "v1", DAY), "zombie")
    sweep(lake, GRACE_S, now=after(73))

    with pytest.raises(RepriseError, match="too old to be published, or was swept"):
        lake.publish(zombie, 1)
    assert lake.published("t", "v1", DAY) is None


def test_an_attempt_too_old_is_refused_before_it_may_be_swept(tmp_path):
    """Nothing is published whose files a sweep could be removing."""
    lake = Lake(str(tmp_path))
    zombie = put_rows(lake, lake.attempt("t", "v1", DAY), "zombie")
    then = time.time() - PUBLISH_WITHIN_S - 60
    os.utime(tmp_path / zombie.key / "part-0.parquet", (then, then))

    with pytest.raises(RepriseError, match="too old"):
        lake.publish(zombie, 1)
    with pytest.raises(UsageError, match="too short"):
        sweep(lake, PUBLISH_WITHIN_S)


def test_killed_between_files_and_manifest_the_next_attempt_does_it(lake):
    """Files alone are nothing; the rerun publishes, and the dead attempt goes later."""
    dead = put_rows(lake, lake.attempt("t", "v1", DAY), "dead")
    with pytest.raises(MissingDataError):
        items(lake)
    publish(lake, "alive")
    sweep(lake, GRACE_S, now=after(73))

    assert items(lake) == ["alive"]
    assert not any(dead.id in key for key in data(lake))


def test_a_listed_file_that_is_gone_is_one_clear_error(lake):
    """It names the file and the remedy."""
    manifest = publish(lake, "a")
    lake.store.delete(manifest.files)

    with pytest.raises(MissingDataError, match=r"part-0.parquet is listed by its manifest but gone → rebuild"):
        items(lake)


def test_expired_days_say_so_and_go(lake):
    """The day is marked at once; its file goes after the grace period; days within the retention stay."""
    gone, kept = (lake.write("t", "v1", f"dt=2026-11-0{n}", pa.table({"item": [str(n)]}), {"raw": "e"}) for n in (1, 2))

    def first_only(manifest):
        if manifest.partition != DAY or manifest.has_expired("t"):
            return None
        return replace(manifest, files=[], rows=0, number=manifest.number + 1, facts={"expired": ["t"], "swept": True})

    assert sweep(lake, GRACE_S, first_only).expired == ["t/dt=2026-11-01"]
    with pytest.raises(MissingDataError, match="beyond its retention"):
        lake.read("t", "v1", [DAY])
    assert lake.published("t", "v1", DAY).inputs == {"raw": "e"}  # else the day would be extracted again
    assert set(gone.files) <= data(lake)
    assert sweep(lake, GRACE_S, first_only, now=after(73)).removed == {gone.files[0]: "replaced"}
    assert data(lake) == set(kept.files)
    assert sweep(lake, GRACE_S, first_only, now=after(73)).expired == []


def test_a_version_no_longer_used_goes_whole_and_alone(lake):
    """Only where asked, and only when nothing was published in it for the grace period."""
    lake.write("t", "v1", DAY, pa.table({"item": ["a"]}))
    lake.write("t", "v2", DAY, pa.table({"item": ["b"]}))
    sweep(lake, GRACE_S, unused=[("t", "v1")])
    assert lake.read("t", "v1", [DAY])["item"].to_pylist() == ["a"]
    sweep(lake, GRACE_S, unused=[("t", "v1")], now=after(73))

    assert not [key for key in lake.store.list() if "/v=v1/" in key]
    assert lake.read("t", "v2", [DAY])["item"].to_pylist() == ["b"]


def test_readers_writers_and_sweepers_at_once(lake):
    """Every read is one whole version, versions never go back, and no sweep takes what is listed."""
    publish(lake, "0", "0", "0")
    wrong, done, seen = [], threading.Event(), []

    def reader():
        while not done.is_set():
            try:
                found = items(lake)
            except MissingDataError as error:
                wrong.append(str(error))
                return
            if len(set(found)) != 1 or len(found) != 3:
                wrong.append(found)
            seen.append(int(found[0]))

    def sweeper():
        while not done.is_set():
            sweep(lake, GRACE_S)

    def writer():
        for _ in range(5):
            newest = lake.published("t", "v1", DAY)
            publish(lake, *[str(newest.number)] * 3, replaces=newest)

    others = [threading.Thread(target=reader), threading.Thread(target=sweeper)]
    writers = [threading.Thread(target=writer) for _ in range(3)]
    [t.start() for t in (*others, *writers)]
    [t.join() for t in writers]
    done.set()
    [t.join() for t in others]

    assert wrong == []
    assert seen == sorted(seen)
    assert len(set(seen)) > 1
    assert int(items(lake)[0]) == lake.published("t", "v1", DAY).number - 1


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "write", "publish", "sweep", "late sweep", "read"]), st.integers(0, 3)),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_any_interleaving_of_writers_and_sweeps(tmp_path_factory, steps):
    """Four writers, step by step in any order: readers see the last publication that won, whole, or nothing."""
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    begun: dict[int, tuple] = {}  # writer → its attempt, the manifest it replaces, and whether it wrote
    expected: list[str] | None = None
    for step, n in steps:
        if step == "begin":
            begun[n] = (lake.attempt("t", "v1", DAY), lake.published("t", "v1", DAY), False)
        elif step == "write" and n in begun:
            put_rows(lake, begun[n][0], begun[n][0].id, begun[n][0].id)
            begun[n] = (*begun[n][:2], True)
        elif step == "publish" and n in begun and begun[n][2]:
            attempt, replaces, _ = begun.pop(n)
            newest = lake.published("t", "v1", DAY)
            wins = (newest.number if newest else 0) == (replaces.number if replaces else 0)
            alive = f"{attempt.key}/part-0.parquet" in lake.store.list()
            try:
                won = lake.publish(attempt, 2, replaces=replaces).attempt == attempt.id
            except RepriseError:
                assert not alive
                continue
            assert won == wins
            expected = [attempt.id] * 2 if won else expected
        elif "sweep" in step:
            sweep(lake, GRACE_S, now=after(73 if step == "late sweep" else 0))
        if expected is None:
            assert lake.published("t", "v1", DAY) is None
        else:
            assert items(lake) == expected
