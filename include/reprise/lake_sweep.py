"""What in a lake nobody will read again, and its removal.

A file goes when no newest manifest lists it and a grace period is over: since its attempt was last written (that
attempt lost, was killed, or belongs to a zombie), or since the manifest that listed it was replaced (a run may still
be reading). The grace period is longer than an attempt may take to be published, so sweeping beside writers is safe.

Data beyond its retention first gets a newest manifest that lists nothing and says so; its files then go as replaced
ones. That manifest is published like any other: if a writer publishes at the same moment, one of the two wins.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

from reprise.errors import UsageError
from reprise.lake import PUBLISH_WITHIN_S, Lake, Manifest

log = logging.getLogger(__name__)

_MANIFEST = re.compile(r"(?P<table>[^/]+)/v=(?P<version>[^/]+)/(?P<partition>.+)/manifest-\d+\.json")
_ATTEMPT = re.compile(r"(?P<attempt>.+/attempt=[^/]+)/.+")


@dataclass(frozen=True)
class Published:
    """A manifest as found: its key, when it was written (seconds since 1970), and what it says."""

    key: str
    written: float
    manifest: Manifest


@dataclass(frozen=True)
class Sweep:
    """What went, or would go: object key → why; and partitions that expired, as ``table/partition``."""

    removed: dict[str, str] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)


def sweep(
    lake: Lake,
    grace_s: float,
    expire: Callable[[Manifest], Manifest | None] = lambda manifest: None,
    unused: Collection[tuple[str, str]] = (),
    dry_run: bool = False,
    now: float | None = None,
) -> Sweep:
    """Remove what nobody reads and return it; with ``dry_run`` nothing changes.

    ``expire`` returns what is to succeed a newest manifest of which something is beyond its retention, else None.
    ``unused``: (table, version) pairs to remove whole, once
    their newest manifest is older than the grace period. ``now`` is for asking what a later sweep would do.
    """
    if grace_s <= PUBLISH_WITHIN_S:
        raise UsageError(
            f"a grace period of {grace_s:.0f} s is too short: a slow writer may publish for {PUBLISH_WITHIN_S} s",
            "make it longer",
        )
    old = (time.time() if now is None else now) - grace_s
    # Objects before manifests: what is published in between is then known as published.
    objects = {key: at for key, at in lake.store.modified().items() if _ATTEMPT.fullmatch(key)}
    found = published(lake)
    expired = [(p.manifest, successor) for p in _newest(found) if (successor := expire(p.manifest))]
    if not dry_run:
        for _, successor in expired:
            lake.publish_manifest(successor)
    dropped = _dropped(found, unused, old)
    kept = [p for p in found if (p.manifest.table, p.manifest.version) not in dropped]
    removed = _removable(objects, kept, dropped, old)
    removed |= {p.key: "version no longer used" for p in found if p not in kept}
    if not dry_run:
        # Manifests first: a reader meets a missing partition, never a listed file that is gone.
        lake.store.delete(sorted(removed, key=lambda key: not _MANIFEST.fullmatch(key)))
        log.info("swept %d objects of %s, expired %d partitions", len(removed), lake.uri, len(expired))
    return Sweep(removed, [name for old, new in expired for name in _gone(old, new)])


def _gone(old: Manifest, new: Manifest) -> list[str]:
    """Return, as ``table/partition``, of which tables a manifest lists nothing any more."""
    before, after = old.facts.get("expired", []), new.facts.get("expired", [])
    return [f"{table}/{old.partition}" for table in after if table not in before]


def published(lake: Lake) -> list[Published]:
    """Return every manifest of a lake, in order of key, so that a partition's newest comes last."""
    import json

    found = sorted((key, at) for key, at in lake.store.modified().items() if _MANIFEST.fullmatch(key))
    with ThreadPoolExecutor(16) as pool:  # on S3 reading them is mostly waiting
        contents = list(pool.map(lake.store.get, [key for key, _ in found]))
    return [
        Published(key, at, Manifest(**json.loads(content)))
        for (key, at), content in zip(found, contents, strict=True)
        if content
    ]


def _partition(manifest: Manifest) -> tuple[str, str, str]:
    return manifest.table, manifest.version, manifest.partition


def _newest(found: Iterable[Published]) -> list[Published]:
    return list({_partition(p.manifest): p for p in found}.values())


def _dropped(found: Iterable[Published], unused: Collection[tuple[str, str]], old: float) -> set[tuple[str, str]]:
    last: dict[tuple[str, str], float] = {}
    for p in found:
        if p.manifest.facts.get("swept"):  # written by a sweep, not by a run that uses the version
            continue
        version = (p.manifest.table, p.manifest.version)
        last[version] = max(last.get(version, 0.0), p.written)
    return {version for version in unused if last.get(version, old) < old}


def _removable(
    objects: Mapping[str, float], found: Iterable[Published], dropped: set[tuple[str, str]], old: float
) -> dict[str, str]:
    """Return object → why it may go: listed by nothing that counts, and old enough."""
    listed, replaced = _listed(found, old)
    touched: dict[str, float] = {}
    for key, at in objects.items():
        attempt = _ATTEMPT.fullmatch(key)["attempt"]  # type: ignore[index]
        touched[attempt] = max(touched.get(attempt, 0.0), at)
    removable: dict[str, str] = {}
    for key in objects:
        table, version, *_ = key.split("/")
        if (table, version.removeprefix("v=")) in dropped:
            removable[key] = "version no longer used"
        elif key not in listed and touched[_ATTEMPT.fullmatch(key)["attempt"]] < old:  # type: ignore[index]
            removable[key] = "replaced" if key in replaced else "never published"
    return removable


def _listed(found: Iterable[Published], old: float) -> tuple[set[str], set[str]]:
    """Return the files that must stay, and those of manifests replaced too long ago to be read still."""
    by_partition: dict[tuple[str, str, str], list[Published]] = {}
    for p in found:
        by_partition.setdefault(_partition(p.manifest), []).append(p)
    keep: set[str] = set()
    replaced: set[str] = set()
    for numbers in by_partition.values():
        keep.update(numbers[-1].manifest.files)
        for one, successor in pairwise(numbers):
            (keep if successor.written >= old else replaced).update(one.manifest.files)
    return keep, replaced
