"""One writer at a time, held by an object in the lake: of two who ask, the conditional put lets one in.

    <lake base>/locks/<name>/00007.json     {"owner": …, "expires": …, "released": false}

The highest number is the lock. Whoever finds it released or expired tries to put the next number; a put that finds
the number taken has lost. Wall time, because a crashed owner knows no other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from reprise.errors import ServiceError
from reprise.objects import ObjectStore

EXPIRES_S = 900.0
WAIT_S = 120.0
_POLL_S = 1.0


@contextmanager
def lake_lock(base: str, name: str, owner: str, wait_s: float = WAIT_S, expires_s: float = EXPIRES_S) -> Iterator[None]:
    """Hold the lock while inside; where another holds it, wait, then fail with a line that names the holder."""
    store = ObjectStore(f"{base.rstrip('/')}/locks/{name}")
    key = _take(store, owner, wait_s, expires_s)
    try:
        yield
    finally:
        store.put(key, json.dumps({"owner": owner, "expires": time.time(), "released": True}).encode())
        store.delete([old for old in store.list() if old.endswith(".json") and old < key])


def _take(store: ObjectStore, owner: str, wait_s: float, expires_s: float) -> str:
    deadline = time.monotonic() + wait_s
    while True:
        newest = max((key for key in store.list() if key.endswith(".json")), default="")
        held = json.loads(store.get(newest) or b"{}") if newest else {}
        free = not held or held["released"] or held["expires"] < time.time()
        # The same owner is a retry of a task that was killed inside.
        if free or held["owner"] == owner:
            key = f"{int(newest.removesuffix('.json') or 0) + 1:05d}.json"
            mine = {"owner": owner, "expires": time.time() + expires_s, "released": False}
            if store.put_new(key, json.dumps(mine).encode()):
                return key
            continue
        if time.monotonic() > deadline:
            left = int(held["expires"] - time.time())
            raise ServiceError(
                f"{held['owner']} holds the lock {store.root}", f"wait {left} s for it to expire, then clear this task"
            )
        time.sleep(_POLL_S)
