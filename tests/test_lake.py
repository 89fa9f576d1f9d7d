"""The lake on a local folder; the same cases on the sandbox's S3."""

import os
import threading
import uuid

import pyarrow as pa
import pytest

from reprise.errors import MissingDataError
from reprise.lake import Lake
from reprise.objects import ObjectStore


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def lake(request, tmp_path):
    """A fresh lake, on a folder or on the sandbox's S3."""
    if request.param == "local":
        return Lake(str(tmp_path / "lake"))
    client = request.getfixturevalue("s3")
    bucket = f"lake-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=bucket)
    return Lake(f"s3://{bucket}/demo")


def rows(*values):
    return pa.table({"item": list(values)})


def test_readers_see_what_was_published_and_nothing_else(lake):
    """An attempt that was never published is invisible."""
    lake.write("t", "v1", "dt=2026-11-01", rows("song:1", "song:2"))
    orphan = lake.attempt("t", "v1", "dt=2026-11-01")
    lake.store.put(f"{orphan.key}/part-0.parquet", b"half a file")

    assert lake.read("t", "v1", ["dt=2026-11-01"])["item"].to_pylist() == ["song:1", "song:2"]


def test_of_many_writers_one_wins_and_the_others_leave_nothing(lake):
    """Conditional publication: no mix, whatever the timing."""
    barrier, manifests = threading.Barrier(6), []

    def writer(n: int) -> None:
        barrier.wait()
        manifests.append(lake.write("t", "v1", "run=a", rows(f"song:{n}")))

    threads = [threading.Thread(target=writer, args=(n,)) for n in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]

    assert {m.attempt for m in manifests} == {lake.published("t", "v1", "run=a").attempt}
    assert lake.read("t", "v1", ["run=a"]).num_rows == 1
    assert len([k for k in lake.store.list("t/") if k.endswith(".parquet")]) == 1


def test_a_rebuilt_day_is_a_new_version_never_a_mix(lake):
    """The next manifest number replaces the whole day."""
    first = lake.write("t", "v1", "dt=2026-11-01", rows("song:1"))
    attempt = lake.attempt("t", "v1", "dt=2026-11-01")
    store = Lake(lake.uri)
    import io

    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(rows("song:7"), buffer)
    store.store.put(f"{attempt.key}/part-0.parquet", buffer.getvalue())
    second = lake.publish(attempt, 1, {"s3://raw": "etag"}, replaces=first)

    assert second.number == 2
    assert lake.read("t", "v1", ["dt=2026-11-01"])["item"].to_pylist() == ["song:7"]
    assert list(lake.partitions("t", "v1")) == ["dt=2026-11-01"]


def test_a_missing_partition_is_named(lake):
    """The error says table, partition and lake."""
    with pytest.raises(MissingDataError, match=r"judgments has nothing published for run=x"):
        lake.files("judgments", "v1", ["run=x"])


def test_listing_while_others_write_sees_whole_objects_only(tmp_path):
    """A file under way, or gone since it was seen, is no object."""
    store, stop = ObjectStore(str(tmp_path)), threading.Event()

    def churn() -> None:
        while not stop.is_set():
            store.put_new("a/x", b"1")
            store.delete(["a/x"])

    writers = [threading.Thread(target=churn) for _ in range(3)]
    [w.start() for w in writers]
    try:
        seen = {key for _ in range(300) for key in store.list("a/")}
    finally:
        stop.set()
        [w.join() for w in writers]

    assert seen <= {"a/x"}


def test_a_manifest_listed_before_it_can_be_read_is_not_there_yet(tmp_path):
    """A server may name an object before it is whole; readers then see the version before, not nothing."""
    lake = Lake(str(tmp_path))
    lake.write("t", "v1", "dt=2026-11-01", rows("song:1"))
    lake.store.put("t/v=v1/dt=2026-11-01/manifest-00002.json", b"")

    assert lake.published("t", "v1", "dt=2026-11-01").number == 1
    assert lake.partitions("t", "v1")["dt=2026-11-01"].number == 1
    assert lake.read("t", "v1", ["dt=2026-11-01"])["item"].to_pylist() == ["song:1"]


def test_a_put_whose_answer_was_lost_is_still_a_win(tmp_path):
    """The client sends it again and is told that the name is taken; the files it published stay."""

    class LosesAnswers(ObjectStore):
        def put_new(self, key: str, content: bytes) -> bool:
            super().put_new(key, content)
            return super().put_new(key, content)

    lake = Lake(str(tmp_path))
    lake.store = LosesAnswers(lake.uri)
    lake.write("t", "v1", "run=a", rows("song:1"))

    assert lake.read("t", "v1", ["run=a"])["item"].to_pylist() == ["song:1"]


def test_spark_droppings_are_not_published(lake):
    """Files that Spark writes beside the data are left out of the manifest."""
    attempt = lake.attempt("t", "v1", "run=b")
    for name in ("_SUCCESS", ".part.crc", "part-0.parquet"):
        lake.store.put(f"{attempt.key}/{name}", b"x")

    assert lake.publish(attempt, 0).files == [f"{attempt.key}/part-0.parquet"]


@pytest.mark.s3
def test_a_missing_bucket_is_named(s3_address):
    """Not a botocore traceback but the bucket and what to do."""
    with pytest.raises(MissingDataError, match="no bucket for s3://nobody-made-this"):
        ObjectStore("s3://nobody-made-this").list("x/")


@pytest.fixture
def s3_address(request):
    request.getfixturevalue("s3")
    return os.environ["AWS_ENDPOINT_URL_S3"]
