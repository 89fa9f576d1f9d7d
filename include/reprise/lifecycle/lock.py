"""One writer at a time, held by an object in the lake: of two who ask, the conditional put lets one in.

    <lake base>/locks/<name>/00007.json     {"owner": …, "expires": …, "released": false}

The highest number is the lock. Whoever finds it released or expired tries to put the next number; a put that finds
the number taken has lost. Wall time, because a crashed owner knows no other.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from reprise.errors import ServiceError
from reprise.objects import ObjectStore

log = logging.getLogger(__name__)
EXPIRES_S = 900.0  # after the holder's last sign of life
WAIT_S = 120.0
_POLL_S = 1.0


class Held:
    """A lock that is held; its holder renews it in the background as long as its process lives."""

    def __init__(self, store: ObjectStore, key: str, owner: str, expires_s: float) -> None:
        self._store, self._key, self._owner, self._expires_s = store, key, owner, expires_s
        self._until = time.time() + expires_s
        self._left = threading.Event()

    def require(self) -> None:
        """Ensure that nobody else holds the lock by now, as after a pause in which it expired; else ServiceError."""
        newest = max((key for key in self._store.list() if key.endswith(".json")), default="")
        if newest != self._key or time.time() > self._until:
            raise ServiceError(f"{self._owner} has lost the lock {self._store.root}", "clear this task: it starts over")

    def renew(self) -> None:
        """Put off the lock's end, until the holder leaves; a lake that is away is asked again."""
        while not self._left.wait(self._expires_s / 3):
            until = time.time() + self._expires_s
            content = {"owner": self._owner, "expires": until, "released": False}
            try:
                self._store.put(self._key, json.dumps(content).encode())
                self._until = until
            except Exception:
                log.exception("the lock %s was not renewed", self._store.root)

    def leave(self) -> None:
        """Stop renewing."""
        self._left.set()


@contextmanager
def lake_lock(base: str, name: str, owner: str, wait_s: float = WAIT_S, expires_s: float = EXPIRES_S) -> Iterator[Held]:
    """Hold the lock while inside; where another holds it, wait, then fail with a line that names the holder.

    Before a write that must not come late, ask ``require`` of what is held.
    """
    store = ObjectStore(f"{base.rstrip('/')}/locks/{name}")
    held = Held(store, key := _take(store, owner, wait_s, expires_s), owner, expires_s)
    renewing = threading.Thread(target=held.renew, daemon=True)
    renewing.start()
    try:
        yield held
    finally:
        held.leave()
        renewing.join()
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
