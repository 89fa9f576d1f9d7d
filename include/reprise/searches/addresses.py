"""Addresses of raw files: globs with the parts of a day in them, and what really lies there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from reprise.objects import Listed, ObjectStore, buckets

_TOKENS = re.compile(r"\{(date|yyyy|mm|dd|hh|epoch_s|epoch_ms)\}|(\*\*/?)|(\*)|(\?)")
_PARTS = {
    "date": r"(\d{4}-\d{2}-\d{2})", "yyyy": r"(\d{4})", "mm": r"(\d{2})", "dd": r"(\d{2})", "hh": r"\d{2}",
    "epoch_s": r"(\d{10})", "epoch_ms": r"(\d{13})",
}  # fmt: skip


class Interval(NamedTuple):
    """The UTC time from ``begins`` up to, and not including, ``ends``."""

    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Template:
    """An address with day parts, as a pattern: ``parts`` names its groups in order."""

    uri: str
    root: str  # what an ObjectStore is opened on; its bucket may be a glob
    prefix: str  # what every matching key starts with
    pattern: str  # of the whole address without its scheme
    parts: tuple[str, ...]

    @property
    def dated(self) -> bool:
        """Whether the address says which day its records are of."""
        return bool(self.parts)

    def day(self, address: str, zone: str = "UTC") -> str | None:
        """Return the ISO day of an address ("" where the template has none), or None where it does not match.

        An epoch is of the day it falls on in this time zone. Digits that are no day do not match.
        """
        match = re.fullmatch(self.pattern, bare(address))
        if match is None:
            return None
        found = dict(zip(self.parts, match.groups(), strict=True))
        try:
            if "date" in found or "yyyy" in found:
                parts = [found[part] for part in ("yyyy", "mm", "dd") if part in found]
                return date.fromisoformat(found.get("date") or "-".join(parts)).isoformat()
            for part, per_s in (("epoch_s", 1), ("epoch_ms", 1000)):
                if part in found:
                    return datetime.fromtimestamp(int(found[part]) / per_s, ZoneInfo(zone)).date().isoformat()
        except ValueError:
            return None
        return ""

    def listed(self) -> Iterator[tuple[str, Listed]]:
        """Yield every object that may match, with its address: those whose keys start as the template does."""
        scheme, _, bucket = self.root.partition("://")
        for root in [f"{scheme}://{name}" for name in buckets(bucket)] if bucket else [self.root]:
            store = ObjectStore(root)
            yield from ((store.uri(key), found) for key, found in store.listed(self.prefix).items())


def template(uri: str) -> Template:
    """Return an address as a pattern; local paths are made absolute."""
    if "://" not in uri:
        uri = os.path.abspath(uri)
    pattern, parts, end = "", [], 0
    text = bare(uri)
    for token in _TOKENS.finditer(text):
        part, anything, some, _ = token.groups()
        pattern += re.escape(text[end : token.start()])
        pattern += _PARTS[part] if part else ".*" if anything else "[^/]*" if some else "[^/]"
        parts += [part] if part and part != "hh" else []
        end = token.end()
    pattern += re.escape(text[end:])
    scheme, _, rest = uri.partition("://") if "://" in uri else ("file", "", uri)
    if scheme == "file":
        folder, _, name = _static(rest).rpartition("/")
        return Template(uri, folder or "/", name, pattern, tuple(parts))
    bucket, _, key = rest.partition("/")
    root = f"{scheme}://{_TOKENS.sub('*', bucket)}"
    return Template(uri, root, _static(key), pattern, tuple(parts))


def bare(address: str) -> str:
    """Return an address without its scheme, the same for ``s3://`` and ``s3a://``, ``/x`` and ``file:///x``."""
    return "/" + re.sub(r"^[a-z0-9]+:", "", address).lstrip("/")


def interval(day: str, zone: str) -> Interval:
    """Return the UTC time that an ISO day covers in a time zone; 23 or 25 hours where its clocks change."""
    first, local = date.fromisoformat(day), ZoneInfo(zone)
    starts = [datetime(d.year, d.month, d.day, tzinfo=local).astimezone(UTC) for d in (first, first + timedelta(1))]
    return Interval(*starts)


def _static(path: str) -> str:
    """Return what stands before the first token."""
    first = _TOKENS.search(path)
    return path[: first.start()] if first else path
