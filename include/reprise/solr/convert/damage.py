"""A file that lacks what it should hold, or holds something else, is one clear error whatever was stumbled on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reprise.errors import RepriseError, UsageError

_STUMBLES = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)


@contextmanager
def whole(what: str, remedy: str) -> Iterator[None]:
    """Turn whatever reading a damaged file raises into a UsageError that names it; refusals pass as they are."""
    try:
        yield
    except RepriseError:
        raise
    except _STUMBLES as error:
        raise UsageError(f"not a whole {what} ({type(error).__name__}: {error})", remedy) from None
