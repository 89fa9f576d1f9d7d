"""A door in front of Solr that counts the searches (or updates) it lets through, and may refuse some."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from builders.flaky_s3 import FlakyS3


class FlakySolr(FlakyS3):
    """Passes requests on, but searches that come when ``refusing`` (of how many it let through) says so.

    Another ``handler`` makes it count and refuse requests of that kind.
    """

    handler = "/search"
    refusing: Callable[[int], bool] = staticmethod(lambda answered: False)
    answered = 0
    refusals = 0
    at_once = 0
    most_at_once = 0

    def refuses(self, method: str, path: str) -> bool:
        if not path.partition("?")[0].endswith(self.handler):
            return False
        with self._lock:
            if self.refusing(self.answered):
                self.refusals += 1
                return True
            self.answered += 1
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            return False

    def count(self, method: str, path: str, size: int) -> None:
        """Count an answer as over."""
        if path.partition("?")[0].endswith(self.handler):
            with self._lock:
                self.at_once -= 1


@contextmanager
def flaky_solr(behind: str) -> Iterator[FlakySolr]:
    """Open the door, and close it afterwards; as it stands, it refuses nothing."""
    door = FlakySolr(behind, 0, 0)
    thread = threading.Thread(target=door.serve_forever, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        door.shutdown()
        door.server_close()
        thread.join()
