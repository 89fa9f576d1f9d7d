"""One listener leaves the lake: every row of theirs, in every file, and on every rebuild of a day.

First the hashes go on the standing list, so that nothing extracted from then on has them. Then every file of the
user-level tables is looked at, one at a time: a published partition gets a next manifest without the rows; other files
(replaced, lost, never published) are removed or rewritten at once. Killed half way and run again, it does the rest.
"""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reprise import tables
from reprise.errors import MissingDataError, RepriseError, UsageError
from reprise.lake import Attempt, Lake, Manifest
from reprise.lake_sweep import published
from reprise.searches.privacy import hashes_of, load_keys, remember_to_forget

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_ROUNDS = 10  # to lose against other writers of the same partition


@dataclass(frozen=True)
class Forgotten:
    """What was done: rows and files taken out of published partitions, and other files mended or removed."""

    hashes: int
    rows: int
    partitions: int
    other_files: int


def forget(lake: Lake, user: str) -> Forgotten:
    """Remove a listener, given as the id in the raw logs, and return what was done; again, it finds nothing.

    Daily statistics are sums and stay. No key is an error: without one there is no hash to look for.
    """
    if not user.strip():
        raise UsageError("the user id is empty", "give the id as the raw logs have it")
    hashes = hashes_of(user, load_keys(lake))
    if not hashes:
        raise MissingDataError(f"{lake.uri} has no user keys", "nothing was extracted there with keyed hashes")
    remember_to_forget(lake, hashes)
    unwanted = _unwanted(user, hashes)
    rows = partitions = 0
    for table in _user_tables():
        mine = [p.manifest for p in published(lake) if p.manifest.table == table]
        for manifest in {(m.version, m.partition): m for m in mine}.values():
            gone = _clean_partition(lake, manifest, unwanted)
            rows, partitions = rows + gone, partitions + bool(gone)
    others = sum(_clean_others(lake, table, unwanted) for table in _user_tables())
    done = Forgotten(len(hashes), rows, partitions, others)
    log.info("forgot one listener in %s: %s", lake.uri, done)  # neither id nor hash
    return done


def _user_tables() -> list[str]:
    """Return the tables that tell one user from another: those with a hash, and those with raw text."""
    schemas = {name: value for name, value in vars(tables).items() if hasattr(value, "names")}
    return sorted(name for name, schema in schemas.items() if {"user", "raw"} & set(schema.names))


def _unwanted(user: str, hashes: Collection[str]) -> Callable[[pa.Table], list[bool]]:
    """Return what says of each row whether it is the listener's; raw text is, where it holds the id in any form."""
    forms = {user, json.dumps(user)[1:-1], json.dumps(user, ensure_ascii=False)[1:-1]}
    needles = [form.encode() for form in forms]

    def theirs(rows: pa.Table) -> list[bool]:
        if "user" in rows.column_names:
            return [value in hashes for value in rows["user"].to_pylist()]
        return [any(needle in _bytes(text) for needle in needles) for text in rows["raw"].to_pylist()]

    return theirs


def _bytes(text: str | None) -> bytes:
    """Return a reject's own bytes: broken text is kept as base64."""
    if text and text.startswith("base64:"):
        return base64.b64decode(text.removeprefix("base64:"))
    return (text or "").encode()


def _clean_partition(lake: Lake, manifest: Manifest, unwanted: Callable[[pa.Table], list[bool]]) -> int:
    """Publish a partition without the rows, unless it has none; return how many there were."""
    for _ in range(_ROUNDS):
        attempt = lake.attempt(manifest.table, manifest.version, manifest.partition)
        files: list[str] = []
        gone = 0
        for key in manifest.files:
            content = lake.store.get(key)
            if content is None:
                raise MissingDataError(f"{lake.store.uri(key)} is listed by its manifest but gone", "rebuild that day")
            cleaned, found = _without(content, unwanted)
            gone += found
            files.append(_put(lake, attempt, len(files), cleaned) if found else key)
        if not gone:
            return 0
        successor = replace(
            manifest, attempt=attempt.id, files=files, rows=manifest.rows - gone, number=manifest.number + 1
        )
        if lake.publish_manifest(successor):
            lake.store.delete(sorted(set(manifest.files) - set(files)))
            return gone
        newest = lake.published(manifest.table, manifest.version, manifest.partition)
        lake.store.delete(sorted(set(files) - set(manifest.files)))
        if newest is None:
            return 0
        manifest = newest
    raise RepriseError(f"{manifest.table} of {manifest.partition} is rewritten all the time", "run it again later")


def _put(lake: Lake, attempt: Attempt, number: int, content: bytes) -> str:
    key = f"{attempt.key}/part-{number:05d}.parquet"
    lake.store.put(key, content)
    return key


def _clean_others(lake: Lake, table: str, unwanted: Callable[[pa.Table], list[bool]]) -> int:
    """Mend or remove every file with such rows that no newest manifest lists; return how many there were."""
    found = [p.manifest for p in published(lake) if p.manifest.table == table]
    newest = {(m.version, m.partition): m for m in found}.values()
    read = {key for manifest in newest for key in manifest.files}
    replaced = {key for manifest in found for key in manifest.files} - read
    count = 0
    for key in lake.store.list(f"{table}/"):
        if key in read or not key.endswith(".parquet") or "/_temporary/" in key:
            continue
        content = lake.store.get(key)
        if content is None:
            continue
        try:
            cleaned, rows = _without(content, unwanted)
        except ValueError:  # no Parquet file: a writer was killed, and nobody can tell whose rows it has
            lake.store.delete([key])
            count += 1
            continue
        if rows and key in replaced:
            lake.store.delete([key])
        elif rows:
            lake.store.put(key, cleaned)  # its attempt may yet be published
        count += bool(rows)
    return count


def _without(content: bytes, unwanted: Callable[[pa.Table], list[bool]]) -> tuple[bytes, int]:
    """Return a Parquet file without such rows, and how many it had; without any the file is as it was.

    Bytes that are no Parquet file are a ValueError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pq.read_table(io.BytesIO(content), partitioning=None)
    theirs = unwanted(rows)
    gone = sum(theirs)
    if not gone:
        return content, 0
    buffer = io.BytesIO()
    pq.write_table(rows.filter(pa.array([not mine for mine in theirs])), buffer, compression="zstd")
    return buffer.getvalue(), gone
