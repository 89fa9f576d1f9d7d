"""What upload and promotion ask of a lock: is it still ours?"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Held(Protocol):
    """A lock while it is held."""

    def require(self) -> None:
        """Ensure that nobody else holds it by now; else an error."""


#: A lock of which can be asked, while it is held, whether it still is; None: held by nobody.
Lock = AbstractContextManager[Held | None]


def require(held: Held | None) -> None:
    """Ensure that a lock is still ours, right before a write that another holder would not expect."""
    if held is not None:
        held.require()
