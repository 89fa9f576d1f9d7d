"""Copies raw logs and spoils some days: what was clicked and played is moved to another item that was shown.

Every search keeps its results, its number of clicks and the seconds listened; only *which* of the shown items they
belong to is permuted, by one permutation per search. So every volume stays in band, and only a comparison with
clean days can tell.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from reprise.errors import MissingDataError
from reprise.sandbox.music.config import stream
from reprise.sandbox.music.simulate import ensure_bucket, pack
from reprise.settings import Deployment, Source

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Record = dict[str, Any]


def corrupt(s3: S3Client, source: Deployment, target: Deployment, days: Collection[str], seed: int = 7) -> int:
    """Copy the raw logs of one deployment into another's buckets, spoiling the given days; return objects written.

    Days are those of the directories (YYYY-MM-DD). Both deployments list the same sources in the same order.
    """
    pairs = list(zip(source.logs.sources, target.logs.sources, strict=True))
    for _, ours in pairs:
        ensure_bucket(s3, _bucket(ours))
    keys = {theirs.name: _keys(s3, theirs) for theirs, _ in pairs}
    if not any(keys.values()):
        raise MissingDataError(f"deployment {source.name!r} has no raw logs", "run `reprise sandbox simulate` first")
    spoilers = {day: _Spoiler(stream(seed, 30, number)) for number, day in enumerate(sorted(days))}
    written = 0
    for step in ("search", "event", "play"):  # events need the searches they belong to, plays the events before them
        for theirs, ours in pairs:
            for key in keys[theirs.name]:
                spoiler = spoilers.get(_day(theirs, key))
                if (theirs.kind == "play") != (step == "play"):
                    continue
                if step == "search" and spoiler:
                    spoiler.learn(theirs, _read(s3, theirs, key))
                if step == "search":
                    continue
                written += 1
                if spoiler is None:
                    origin = {"Bucket": _bucket(theirs), "Key": key}
                    s3.copy_object(Bucket=_bucket(ours), Key=key, CopySource=origin)
                else:
                    lines = [spoiler.spoil(theirs, line) for line in _read(s3, theirs, key)]
                    s3.put_object(Bucket=_bucket(ours), Key=key, Body=pack(lines))
    return written


@dataclass
class _Spoiler:
    """One day's permutations: of each search's shown items, and what became of each listener's clicked items."""

    rng: np.random.Generator
    shown: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    moved: dict[tuple[str, str], str] = field(default_factory=dict)

    def learn(self, source: Source, lines: list[bytes]) -> None:
        """Draw one permutation for every search in the lines."""
        for line in lines:
            record = _parse(line)
            ids = _get(record, source.fields["results"])
            key = _get(record, source.fields["search_id"])
            if not isinstance(ids, list) or not isinstance(key, str) or key in self.shown:
                continue
            order = self.rng.permutation(len(ids))
            self.shown[key] = {
                one: (ids[to], int(to) + source.position_base) for one, to in zip(ids, order, strict=True)
            }

    def spoil(self, source: Source, line: bytes) -> bytes:
        """Return the line with its event or play moved to another shown item; any other line as it is."""
        record = _parse(line)
        changed = self._play(source, record) if source.kind == "play" else self._event(source, record)
        return json.dumps(record, ensure_ascii=False).encode() if changed else line

    def _event(self, source: Source, record: Record) -> bool:
        fields = source.fields
        item, key = _get(record, fields["item"]), _get(record, fields["search_id"])
        place = self.shown.get(key, {}).get(item) if isinstance(key, str) else None
        if place is None or not _get(record, fields["action"]):
            return False
        _set(record, fields["item"], place[0])
        _set(record, fields["position"], place[1])
        self.moved[str(_get(record, fields["user"])), str(item)] = place[0]
        return True

    def _play(self, source: Source, record: Record) -> bool:
        fields = source.fields
        origin = _get(record, fields["from_item"])
        to = self.moved.get((str(_get(record, fields["user"])), str(origin)))
        if to is None:
            return False
        _set(record, fields["from_item"], to)
        if to.startswith("song:") and not _get(record, fields["autoplay"]):
            _set(record, fields["item"], to)
        return True


def _parse(line: bytes) -> Record:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def _get(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _set(record: Record, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        record = record[part]
    record[last] = value


def _bucket(source: Source) -> str:
    return urlsplit(source.uris[0]).netloc


def _keys(s3: S3Client, source: Source) -> list[str]:
    prefix = urlsplit(source.uris[0]).path.lstrip("/").split("{")[0]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=_bucket(source), Prefix=prefix)
    return sorted(one["Key"] for page in pages for one in page.get("Contents", []))


def _day(source: Source, key: str) -> str:
    """Return the day of an object by its directory, as the simulator lays them out."""
    start = len(urlsplit(source.uris[0]).path.lstrip("/").split("{")[0])
    return key[start : start + 10].replace("/", "-")


def _read(s3: S3Client, source: Source, key: str) -> list[bytes]:
    return gzip.decompress(s3.get_object(Bucket=_bucket(source), Key=key)["Body"].read()).split(b"\n")[:-1]
