"""Keyed user hashes, the keys behind them, and the listeners who asked to be forgotten.

    keys/users/<first day>.json       one key and the log days it is for; written once, by a conditional put
    keys/forgotten/<digest>.json      hashes of a forgotten listener, and nothing else

A user's hash is HMAC-SHA256 under the key of the record's own day, so it changes with the key and cannot be guessed
from a list of user ids. A destroyed key leaves its object behind without the key: days under it can never be hashed
again, neither to the old hashes nor, by accident, to new ones.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from reprise.errors import MissingDataError, RepriseError
from reprise.plan import days_between

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from reprise.lake import Lake

_KEYS, _FORGOTTEN = "keys/users/", "keys/forgotten/"
_BLOCK = 64  # SHA-256's, in bytes
_LENGTH = 16  # hexadecimal digits of a hash that are kept


@dataclass(frozen=True)
class UserKey:
    """One secret and the ISO log days it is for, both included; ``secret`` is empty once it was destroyed."""

    first: str
    last: str
    secret: bytes = field(repr=False)

    def covers(self, day: str) -> bool:
        """Whether a record of this day is hashed with this key."""
        return self.first <= day <= self.last


def load_keys(lake: Lake) -> list[UserKey]:
    """Return every key there ever was, in order of days, the destroyed ones without their secret."""
    found = [lake.get_json(key) for key in lake.store.list(_KEYS)]
    keys = [UserKey(k["first"], k["last"], bytes.fromhex(k["secret"])) for k in found if k]
    return sorted(keys, key=lambda key: key.first)


def ensure_keys(lake: Lake, days: Iterable[str], rotate_days: int) -> list[UserKey]:
    """Return the keys of these days, in order; those that are missing are made, by whoever comes first.

    A key's days are settled when it is made: another ``rotate_days`` changes only keys that do not exist yet. A day
    whose key was destroyed is an error.
    """
    keys, wanted = load_keys(lake), sorted(set(days))
    for day in wanted:
        if any(key.covers(day) for key in keys):
            continue
        first, last = _free_days(day, rotate_days, keys)
        content = {"first": first, "last": last, "secret": secrets.token_bytes(32).hex()}
        lake.store.put_new(f"{_KEYS}{first}.json", json.dumps(content).encode())
        keys = load_keys(lake)  # another writer may have been first; its key counts
        if not any(key.covers(day) for key in keys):
            raise RepriseError(
                f"no key for {day} could be made in {lake.uri}", "make every writer's logs.yaml the same"
            )
    used = [key for key in keys if any(key.covers(day) for day in wanted)]
    gone = [key for key in used if not key.secret]
    if gone:
        raise MissingDataError(
            f"the user key for {gone[0].first} to {gone[0].last} was destroyed: those days cannot be extracted again",
            "begin after them; what was published of them stays readable",
        )
    return used


def destroy_keys(lake: Lake, before: str, dry_run: bool = False) -> list[UserKey]:
    """Destroy the secrets whose last day is before this one, and return those keys: their hashes lead nowhere now."""
    old = [key for key in load_keys(lake) if key.secret and key.last < before]
    for key in [] if dry_run else old:
        lake.put_json(f"{_KEYS}{key.first}.json", {"first": key.first, "last": key.last, "secret": ""})
    return old


def _free_days(day: str, rotate_days: int, keys: Sequence[UserKey]) -> tuple[str, str]:
    """Return the period of so many days around a day, cut where other keys begin or end."""
    number = date.fromisoformat(day).toordinal()
    start = number - number % rotate_days
    before = [date.fromisoformat(key.last).toordinal() + 1 for key in keys if key.last < day]
    after = [date.fromisoformat(key.first).toordinal() - 1 for key in keys if key.first > day]
    first, last = max([start, *before]), min([start + rotate_days - 1, *after])
    return date.fromordinal(first).isoformat(), date.fromordinal(last).isoformat()


# -- hashing


def hash_user(user: str, secret: bytes) -> str:
    """Return a user's hash under one key; ``with_user_hash`` gives the same."""
    return hmac.new(secret, user.encode(), hashlib.sha256).hexdigest()[:_LENGTH]


def with_user_hash(frame: DataFrame, keys: Sequence[UserKey], raw: str, day: str, into: str) -> DataFrame:
    """Return the frame with column ``into``: the hash of column ``raw`` under the key of ISO day ``day``.

    A null user stays null; a day beyond the keys' takes the nearest, so that every user has a hash. ``into`` may be
    ``raw``, which is then gone. Keys are joined, never literals: Spark writes literals into plans and event logs.
    """
    from pyspark.sql import functions as F

    if not keys:
        raise RepriseError("there are no keys to hash users with", "call ensure_keys for the days that are read")
    pads = [(each, *_pads(key.secret)) for key in keys for each in days_between(key.first, key.last)]
    table = frame.sparkSession.createDataFrame(pads, "_day string, _inner binary, _outer binary")
    first, last = F.lit(pads[0][0]), F.lit(pads[-1][0])
    dated = frame.withColumn("_day", F.least(F.greatest(F.substring(F.col(day), 1, 10), first), last))
    inner = F.unhex(F.sha2(F.concat("_inner", F.col(raw).cast("binary")), 256))
    digest = F.sha2(F.concat("_outer", inner), 256)
    joined = dated.join(F.broadcast(table), "_day", "left")
    return joined.withColumn(into, F.substring(digest, 1, _LENGTH)).drop("_day", "_inner", "_outer")


@dataclass(frozen=True)
class Listeners:
    """What an extraction must know of listeners: the keys of its days, and the hashes of who was forgotten."""

    keys: Sequence[UserKey]
    forgotten: Collection[str] = frozenset()

    def hide(self, records: DataFrame) -> DataFrame:
        """Return records with users hashed; those of forgotten listeners are dropped, with nothing of their text."""
        from pyspark.sql import functions as F

        hashed = with_user_hash(records, self.keys, raw="user", day="day", into="user")
        if not self.forgotten:
            return hashed
        # Joined, like the keys: Spark writes literals into plans and event logs.
        gone = records.sparkSession.createDataFrame(
            [(one, True) for one in self.forgotten], "user string, _gone boolean"
        )
        joined = hashed.join(F.broadcast(gone), "user", "left")
        fate, raw = F.when(F.col("_gone"), "dropped:forgotten"), F.when(F.col("_gone").isNull(), F.col("raw"))
        return joined.withColumn("fate", F.coalesce(fate, "fate")).withColumn("raw", raw).drop("_gone")


def _pads(secret: bytes) -> tuple[bytes, bytes]:
    """Return HMAC's inner and outer pad (RFC 2104): with them it is two plain hashes, which Spark has."""
    block = secret.ljust(_BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


# -- who asked to be forgotten


def hashes_of(user: str, keys: Iterable[UserKey]) -> set[str]:
    """Return a user's hashes under all keys that still exist."""
    return {hash_user(user, key.secret) for key in keys if key.secret}


def forgotten(lake: Lake) -> frozenset[str]:
    """Return the hashes of everybody who asked to be forgotten; extraction drops their records."""
    return frozenset(value for key in lake.store.list(_FORGOTTEN) for value in lake.get_json(key) or [])


def remember_to_forget(lake: Lake, hashes: Collection[str]) -> None:
    """Add hashes to the standing list. One object for each request: two at once cannot lose one another."""
    ordered = sorted(hashes)
    digest = hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:16]
    lake.put_json(f"{_FORGOTTEN}{digest}.json", ordered)


def day_before(day: str, days: int) -> str:
    """Return the ISO date so many days earlier."""
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()
