"""Lets a world live for some days: asks the first stage, writes raw logs to S3 and the truth beside them."""

from __future__ import annotations

import gzip
import io
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import UsageError
from reprise.sandbox.music.catalogue import Floats
from reprise.sandbox.music.config import THETA, day_name
from reprise.sandbox.music.day import DAY_S, Clicks, Plays, Searches, simulate_day
from reprise.sandbox.music.dirt import add_bot, add_dirt
from reprise.sandbox.music.first_stage import FirstStage, Shelf
from reprise.sandbox.music.records import Lines, Writer
from reprise.sandbox.music.world import World
from reprise.solr.client import SolrClient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Buckets:
    """Where the raw logs go: the search loggers' bucket and the player's."""

    search: str = "music-search-logs"
    play: str = "music-play-logs"


@dataclass
class Lived:
    """What some days brought: settled searches, clicks, plays, bytes; requests to the first stage; lines by kind."""

    days: list[str] = field(default_factory=list)
    searches: int = 0
    clicks: int = 0
    plays: int = 0
    bytes: int = 0
    requests: int = 0
    ledger: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)


def index_catalogue(world: World, client: SolrClient) -> int:
    """Index every item of a world's catalogue and return how many; one writer, so that there is one order."""
    count = client.add(world.catalogue.documents(), batch=100_000)
    client.get("/update", {"optimize": "true", "maxSegments": 1, "waitSearcher": "true"})
    return count


def days_lived(truth_dir: Path) -> int:
    """Return how many days of a world are written already."""
    state = truth_dir / "state.json"
    return int(json.loads(state.read_text())["days"]) if state.exists() else 0


def simulate(
    world: World,
    stage: FirstStage,
    s3: S3Client,
    truth_dir: Path,
    days: int,
    *,
    first_day: int | None = None,
    buckets: Buckets = Buckets(),
    ranker: str = "A",
    progress: Callable[[str], None] = lambda day: None,
) -> Lived:
    """Write the raw logs of some days, continuing where the last call ended, and return what happened.

    ``ranker`` is the logs' name for what is live. The truth goes under ``truth_dir``, outside every bucket. A day
    depends on the seed, its number and the answers of the first stage alone, besides what the day before carried
    over (events after midnight, late records, feedback); ``first_day`` must not be beyond the days lived.
    """
    _check_world(world, truth_dir)
    start = days_lived(truth_dir) if first_day is None else first_day
    if start > days_lived(truth_dir):
        raise UsageError(f"day {start} has no day before it", f"simulate from day {days_lived(truth_dir)} on")
    shelf, lived = Shelf(world, stage), Lived()
    for bucket in (buckets.search, buckets.play):
        ensure_bucket(s3, bucket)
    for day in range(start, start + days):
        lines, searches, clicks, plays = _live(world, day, shelf, truth_dir, ranker)
        lived.bytes += _upload(s3, buckets, day, lines)
        lived.days.append(day_name(day))
        lived.ledger[day_name(day)] = lines.counts()
        lived.searches += len(searches.user)
        lived.clicks += len(clicks.item)
        lived.plays += len(plays.user)
        _keep_truth(world, truth_dir, day, searches, clicks, lines)
        (truth_dir / "state.json").write_text(json.dumps({"days": max(day + 1, days_lived(truth_dir))}))
        progress(day_name(day))
    lived.requests = shelf.requests
    return lived


def _live(world: World, day: int, shelf: Shelf, truth_dir: Path, ranker: str) -> tuple[Lines, Searches, Clicks, Plays]:
    """Return a day's lines and arrays; what belongs to the next day is kept for it."""
    searches, clicks, plays = simulate_day(world, day, shelf, _boost(world, truth_dir, day))
    writer = Writer(world, day, ranker)
    writer.searches(searches, shelf)
    writer.clicks(searches, clicks)
    writer.plays(plays)
    add_dirt(world, day, writer.lines)
    add_bot(world, day, writer, shelf)
    for source, carried in _carried(truth_dir, day).by_source.items():
        writer.lines.by_source[source] += carried
    today, later = writer.lines.split((day + 1) * DAY_S)
    _carry(truth_dir, day + 1, later)
    if world.switches.feedback:
        counts = np.bincount(plays.track[plays.searched], minlength=len(world.catalogue.ids)).astype(float)
        np.save(truth_dir / "carry" / f"{day + 1:04d}.npy", counts / max(counts.mean(), 1e-9))
    return today, searches, clicks, plays


def _boost(world: World, truth_dir: Path, day: int) -> Floats | None:
    path = truth_dir / "carry" / f"{day:04d}.npy"
    return np.load(path) if world.switches.feedback and path.exists() else None


def _carry(truth_dir: Path, day: int, lines: Lines) -> None:
    kept = {s: [(at, line.decode("latin-1"), kind) for at, line, kind in some] for s, some in lines.by_source.items()}
    (truth_dir / "carry").mkdir(parents=True, exist_ok=True)
    (truth_dir / "carry" / f"{day:04d}.json").write_text(json.dumps(kept))


def _carried(truth_dir: Path, day: int) -> Lines:
    path = truth_dir / "carry" / f"{day:04d}.json"
    if day == 0 or not path.exists():
        return Lines()
    kept = json.loads(path.read_text())
    return Lines({s: [(at, line.encode("latin-1"), kind) for at, line, kind in some] for s, some in kept.items()})


def _check_world(world: World, truth_dir: Path) -> None:
    """Ensure the folder belongs to this world: two worlds in one folder would mix their truth."""
    truth_dir.mkdir(parents=True, exist_ok=True)
    path = truth_dir / "world.json"
    mine = {"seed": world.seed, "scale": world.scale_name, "switches": vars(world.switches)}
    if path.exists() and json.loads(path.read_text()) != mine:
        raise UsageError(f"{truth_dir} holds another world's truth", "choose another folder, or remove it")
    path.write_text(json.dumps(mine))


# --- files -------------------------------------------------------------------------------------------------------


def _upload(s3: S3Client, buckets: Buckets, day: int, lines: Lines) -> int:
    """Put a day's files, each sorted by time, and return their compressed bytes."""
    size = 0
    for source, some in lines.by_source.items():
        bucket = buckets.play if source == "player" else buckets.search
        files: dict[str, list[tuple[float, bytes, str]]] = defaultdict(list)
        for number, one in enumerate(sorted(some, key=lambda line: (line[0], line[1]))):
            files[_key(source, day, one[0], number)].append(one)
        for key, content in files.items():
            body = pack([line for _, line, _ in content])
            s3.put_object(Bucket=bucket, Key=key, Body=body)
            size += len(body)
    return size


def _key(source: str, day: int, at: float, number: int) -> str:
    date = day_name(day)
    if source == "app":
        return f"ubi/dt={date}/part-{number % 2:02d}.jsonl.gz"
    if source == "ios":
        return f"legacy/{date.replace('-', '/')}/{int(at % DAY_S // 21600) * 6:02d}/ios.jsonl.gz"
    return f"plays/{date}/plays-{number % 2:02d}.jsonl.gz"


def pack(lines: Sequence[bytes]) -> bytes:
    """Return lines as gzip without a time in it: the same lines, the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=4, mtime=0, filename="") as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return buffer.getvalue()


def ensure_bucket(s3: S3Client, bucket: str) -> None:
    """Ensure a bucket is there."""
    if bucket not in {one["Name"] for one in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)


def _keep_truth(world: World, truth_dir: Path, day: int, searches: Searches, clicks: Clicks, lines: Lines) -> None:
    """Keep what no log says: what each search wanted and what it truly brought; and the count of every line."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    brought = np.bincount(clicks.search, clicks.worth, minlength=len(searches.user))
    columns: dict[str, Any] = {
        "search_id": [Writer(world, day, "").search_id(n) for n in range(len(searches.user))],
        "query": [world.wishes.texts[t] for t in searches.text],
        "target": [world.catalogue.ids[t] for t in searches.target],
        "listener": [world.listeners.ids[u] for u in searches.user],
        "retry": searches.retry,
        "consumption": brought,
    }
    folder = truth_dir / "days"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), folder / f"{day_name(day)}.parquet")
    (folder / f"{day_name(day)}.json").write_text(json.dumps(lines.counts(), indent=1))
    (truth_dir / "theta.json").write_text(json.dumps(THETA.tolist()))
