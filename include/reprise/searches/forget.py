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
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reprise import tables
from reprise.errors import MissingDataError, RepriseError, UsageError
from reprise.lake import DAILY, DAYS, Attempt, Lake, Manifest, table_of
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
    days: int
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
    rows = days = 0
    for manifest in _newest(lake):
        gone = _clean_day(lake, manifest, unwanted)
        rows, days = rows + gone, days + bool(gone)
    done = Forgotten(len(hashes), rows, days, _clean_others(lake, unwanted))
    log.info("forgot one listener in %s: %s", lake.uri, done)  # neither id nor hash
    return done


def _newest(lake: Lake) -> list[Manifest]:
    """Return the newest manifest of every day."""
    mine = [p.manifest for p in published(lake) if p.manifest.table == DAYS]
    return list({(m.version, m.partition): m for m in mine}.values())


def _user_tables() -> set[str]:
    """Return the daily tables that tell one user from another: those with a hash, and those with raw text."""
    return {name for name in DAILY if {"user", "raw"} & set(getattr(tables, name).names)}


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


def _clean_day(lake: Lake, manifest: Manifest, unwanted: Callable[[pa.Table], list[bool]]) -> int:
    """Publish a day without the rows, unless it has none; return how many there were."""
    for _ in range(_ROUNDS):
        attempt = lake.attempt(DAYS, manifest.version, manifest.partition)
        files: list[str] = []
        gone: Counter[str] = Counter()
        for key in manifest.files:
            table, found, cleaned = table_of(key), 0, b""
            if table in _user_tables():
                cleaned, found = _without(_content(lake, key), unwanted)
            gone[table] += found
            files.append(_put(lake, attempt, key, cleaned) if found else key)
        if not gone.total():
            return 0
        rows = {table: n - gone[table] for table, n in manifest.facts["rows"].items()}
        successor = replace(
            manifest, attempt=attempt.id, files=files, rows=manifest.rows - gone.total(), number=manifest.number + 1,
            facts={**manifest.facts, "rows": rows},
        )  # fmt: skip
        if lake.publish_manifest(successor):
            lake.store.delete(sorted(set(manifest.files) - set(files)))
            return gone.total()
        newest = lake.published(DAYS, manifest.version, manifest.partition)
        lake.store.delete(sorted(set(files) - set(manifest.files)))
        if newest is None:
            return 0
        manifest = newest
    raise RepriseError(f"{manifest.partition} is rewritten all the time", "run it again later")


def _content(lake: Lake, key: str) -> bytes:
    content = lake.store.get(key)
    if content is None:
        raise MissingDataError(f"{lake.store.uri(key)} is listed by its manifest but gone", "rebuild that day")
    return content


def _put(lake: Lake, attempt: Attempt, old: str, content: bytes) -> str:
    """Write a mended file where the same table and day of this attempt are, and return its key."""
    table, day, _ = old.rsplit("/", 3)[1:]
    key = f"{attempt.key}/{table}/{day}/{uuid.uuid4().hex[:12]}.parquet"
    lake.store.put(key, content)
    return key


def _clean_others(lake: Lake, unwanted: Callable[[pa.Table], list[bool]]) -> int:
    """Mend or remove every file with such rows that no newest manifest lists; return how many there were."""
    read = {key for manifest in _newest(lake) for key in manifest.files}
    replaced = {key for p in published(lake) if p.manifest.table == DAYS for key in p.manifest.files} - read
    count = 0
    for key in lake.store.list(f"{DAYS}/"):
        if key in read or not key.endswith(".parquet") or "/_temporary/" in key or table_of(key) not in _user_tables():
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
