"""Faults on request, for tests: EMR throttles, or a step's process is killed from outside.

``POST /_faults {"throttle": 3}`` refuses the next three calls; ``{"kill_step": "train*", "after_s": 0.5}`` kills the
first step whose name matches, that long after it starts. Both may be given; ``GET /_faults`` shows what is left.
"""

from __future__ import annotations

import fnmatch
import threading
from dataclasses import asdict, dataclass, replace
from typing import Any

from reprise.errors import UsageError


@dataclass(frozen=True)
class Pending:
    """What will still go wrong: calls to refuse, and one step to kill ``after_s`` seconds into it."""

    throttle: int = 0
    kill_step: str = ""
    after_s: float = 0.0


class Faults:
    """The faults of one server; safe to ask from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending = Pending()

    def set(self, wanted: dict[str, Any]) -> None:
        """Replace what is pending; an unknown name is a UsageError."""
        unknown = set(wanted) - set(asdict(Pending()))
        if unknown:
            raise UsageError(f"unknown fault: {', '.join(sorted(unknown))}", "use throttle, kill_step and after_s")
        with self._lock:
            self._pending = Pending(**wanted)

    def show(self) -> dict[str, Any]:
        """Return what is pending."""
        return asdict(self._pending)

    def throttled(self) -> bool:
        """Return whether this call is to be refused, and count it."""
        with self._lock:
            if self._pending.throttle <= 0:
                return False
            self._pending = replace(self._pending, throttle=self._pending.throttle - 1)
            return True

    def kill_after(self, step_name: str) -> float | None:
        """Return after how many seconds this step is to be killed, or None; one step is killed per request."""
        with self._lock:
            pattern = self._pending.kill_step
            if not pattern or not fnmatch.fnmatch(step_name, pattern):
                return None
            self._pending = replace(self._pending, kill_step="")
            return self._pending.after_s
