"""What the two readings of raw records have in common: Spark's, for the tables, and plain Python's, for a sample.

A test reads wild records both ways; what is stated here once cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

TEXT = ("search_id", "query", "action", "item", "surface", "scope", "language", "ranker", "from_item", "play_id")
NUMBERS = ("position", "swapped", "shown_ms")
#: A client's clock may run ahead of the collector's by this much before its records are left out.
CLOCK_AHEAD_S = 900
#: Times outside are no times: seconds where the century is missing, clocks that were never set.
FIRST_TIME, LAST_TIME = "2000-01-01", "2100-01-01"
EPOCHS_PER_S = {"epoch_s": 1, "epoch_ms": 1_000, "epoch_us": 1_000_000}
#: ``time_format: auto``: below each bound, how many microseconds a unit is; a time of this century is only in one.
EPOCH_BOUNDS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (float("inf"), 1e-3))
#: A bulk file's action lines; they frame documents and are no records.
ACTION_LINE = r'^\s*\{\s*"(index|create|update|delete)"\s*:\s*\{[^{}]*\}\s*\}\s*$'
#: The reason of a reject that stands for what is lost where a file is torn or damaged.
TRUNCATED = "truncated file"


def globs(values: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the values that are plain, and the others as regular expressions of the whole text; all in lower case.

    ``*`` is any text and ``?`` one character, in Python's and in Java's dialect.
    """
    lower = [value.lower() for value in values]
    wild = [value for value in lower if set(value) & set("*?")]
    patterns = [re.escape(value).replace(r"\*", ".*").replace(r"\?", ".") for value in wild]
    return [value for value in lower if value not in wild], [f"(?s)^(?:{pattern})$" for pattern in patterns]


def misquoted(delimiter: str) -> str:
    """Return what matches a CSV line, without its doubled quotes, where a quote stands inside a cell."""
    other = f"[^{re.escape(delimiter)}]"
    return f'{other}"{other}'
