"""How the bytes of a raw file become records, found from the bytes themselves, and a sample of the records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

from reprise.searches import parquet_files, salvage
from reprise.searches.by_hand import csv_cells, json_object, raw_records
from reprise.searches.rules import ACTION_LINE
from reprise.searches.sample import moment, real_number
from reprise.searches.vocabulary import NAMES, likeness
from reprise.settings import Source

_LINES = 50
_DELIMITERS = (",", ";", "\t", "|")
_MOST = 0.8  # of the lines looked at
_AT_LEAST = 20  # records of a file, however many files there are


class Format(NamedTuple):
    """A format as logs.yaml states it; ``columns`` stand in for the names that a CSV does not give."""

    format: Literal["jsonl", "bulk", "csv", "parquet"]
    delimiter: str = ","
    columns: tuple[str, ...] = ()

    def source(self, uri: str) -> Source:
        """Return a source of this format that maps nothing yet."""
        return Source(
            name="draft", kind="search", uris=[uri], format=self.format, delimiter=self.delimiter,
            columns=list(self.columns), fields={},
        )  # fmt: skip


def sniff(uri: str) -> Format | None:
    """Return the format of a file, or None where its bytes are of none that can be read."""
    with salvage.opened(uri) as file:
        if file.read(4) == b"PAR1" or uri.endswith(".parquet"):
            return Format("parquet")
    lines = islice((line.content for line in salvage.lines(uri) if line.content.strip() and not line.torn), _LINES)
    texts = [line.decode("utf-8", "replace") for line in lines]
    objects = [text for text in texts if json_object(text) is not None]
    if len(objects) >= _MOST * len(texts) and objects:
        return Format("bulk" if any(re.match(ACTION_LINE, text) for text in objects) else "jsonl")
    return _csv(texts)


def whole_records(source: Source, uri: str) -> Iterator[dict[str, Any]]:
    """Yield a file's records with everything they have, also where the source maps only some of it."""
    if source.format == "parquet":
        yield from (row for row in parquet_files.rows(uri) if row is not None)
    else:
        yield from (raw.record for raw in raw_records(source, uri) if raw.record is not None)


def sample(source: Source, uris: Sequence[str], most: int) -> Iterator[dict[str, Any]]:
    """Yield up to so many records of files, the first ones first: a share of each, so that one kind is not all."""
    left = most
    for uri in uris:
        if left <= 0:
            return
        mine = list(islice(whole_records(source, uri), min(left, max(_AT_LEAST, most // len(uris)))))
        left -= len(mine)
        yield from mine


def _csv(texts: list[str]) -> Format | None:
    """Return the format whose delimiter cuts most lines into equally many cells, two or more."""
    best: tuple[float, int, str] | None = None
    for delimiter in _DELIMITERS:
        widths = [len(cells or ()) for cells in (csv_cells(text, delimiter) for text in texts)]
        width = max(set(widths), key=lambda one: (widths.count(one), one), default=0)
        agree = widths.count(width) / len(widths) if widths else 0.0
        if width > 1 and agree >= _MOST and (best is None or (agree, width) > best[:2]):
            best = (agree, width, delimiter)
    if best is None:
        return None
    _, width, delimiter = best
    rows = [cells for text in texts if len(cells := csv_cells(text, delimiter) or []) == width]
    return Format("csv", delimiter, () if _is_header(rows) else tuple(f"column_{n + 1}" for n in range(width)))


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns: every cell could, and two are names we know, or one above measures.

    A first record that was taken for names would be shown.
    """
    names = [cell.strip() for cell in rows[0]]
    if len(set(names)) < len(names) or not all(re.fullmatch(r"[^\W\d][\w ./()#:%-]*", name) for name in names):
        return False
    below = [[cell for cell in column if cell] for column in zip(*rows[1:], strict=True)]
    measured = any(column and all(map(_is_measure, column)) for column in below)
    known = sum(any(likeness(name, one) > 0 for one in NAMES.values()) for name in names)
    return known >= (1 if measured else 2)


def _is_measure(cell: str) -> bool:
    return real_number(cell) is not None or moment(cell, "auto") is not None
