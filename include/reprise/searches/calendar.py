"""Which raw files belong to which day, and which days are closed.

A source's addresses carry the day's parts (``{date}`` or ``{yyyy}``, ``{mm}``, ``{dd}``; ``{hh}`` is read over).
Day D is closed once a later day has files in every source: journeys cross midnight, saves count for 24 hours and
offline plays come late. A source without day parts is one input for all its days; those are read from its records.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlsplit

from reprise.errors import MissingDataError
from reprise.objects import ObjectStore
from reprise.plan import days_between
from reprise.settings import Deployment, Logs, Source

_TOKENS = re.compile(r"\{(date|yyyy|mm|dd|hh)\}|(\*\*/?)|(\*)|(\?)")
_PARTS = {"date": r"(\d{4}-\d{2}-\d{2})", "yyyy": r"(\d{4})", "mm": r"(\d{2})", "dd": r"(\d{2})", "hh": r"\d{2}"}


@dataclass(frozen=True)
class Template:
    """An address with day parts, as a pattern: ``parts`` names its groups in order."""

    uri: str
    root: str  # what an ObjectStore is opened on
    prefix: str  # what every matching key starts with
    pattern: str  # of the whole address without its scheme
    parts: tuple[str, ...]

    @property
    def dated(self) -> bool:
        """Whether the address says which day its records are of."""
        return bool(self.parts)

    def day(self, address: str) -> str | None:
        """Return the ISO day of an address ("" where the template has none), or None where it does not match."""
        match = re.fullmatch(self.pattern, bare(address))
        if match is None:
            return None
        found = dict(zip(self.parts, match.groups(), strict=True))
        return found.get("date") or "-".join(found[part] for part in ("yyyy", "mm", "dd") if part in found)


@dataclass(frozen=True)
class RawFile:
    """One object of a source; ``day`` is "" where its address names none."""

    source: str
    uri: str
    etag: str
    day: str


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
    first = _TOKENS.search(uri)
    static = uri[: first.start()] if first else uri
    address = urlsplit(static)
    if address.scheme in ("s3", "s3a"):
        return Template(uri, f"{address.scheme}://{address.netloc}", address.path.lstrip("/"), pattern, tuple(parts))
    folder, _, name = address.path.rpartition("/")
    return Template(uri, folder or "/", name, pattern, tuple(parts))


def bare(address: str) -> str:
    """Return an address without its scheme, the same for ``s3://`` and ``s3a://``, ``/x`` and ``file:///x``."""
    return "/" + re.sub(r"^[a-z0-9]+:", "", address).lstrip("/")


def raw_files(logs: Logs) -> list[RawFile]:
    """Return every raw object of every source, in order; a source without any is an error that names it."""
    found: list[RawFile] = []
    for source in logs.sources:
        mine = sorted(_of_source(source), key=lambda file: (file.day, file.uri))
        if not mine:
            raise MissingDataError(
                f"source {source.name!r} has no files at {', '.join(source.uris)}",
                "correct `uris` in logs.yaml, or wait for the first logs",
            )
        found += mine
    return found


def _of_source(source: Source) -> Iterable[RawFile]:
    for uri in source.uris:
        shape = template(uri)
        store = ObjectStore(shape.root)
        for key, etag in store.list(shape.prefix).items():
            day = shape.day(store.uri(key))
            if day is not None:
                yield RawFile(source.name, store.uri(key), etag, day)


def inputs_of(files: Iterable[RawFile], day: str) -> dict[str, str]:
    """Return address → etag of what a day's tables are made from: its own files, its neighbours', undated ones.

    The day before says which journeys were already under way; the day after brings what came late.
    """
    near = {"", shift(day, -1), day, shift(day, 1)}
    return {file.uri: file.etag for file in files if file.day in near}


def raw_inputs(deployment: Deployment, day: str) -> dict[str, str]:
    """Return address → etag of the raw files that a day is made from."""
    return inputs_of(raw_files(deployment.logs), day)


def closed_days(deployment: Deployment) -> list[str]:
    """Return the closed days in order: from the first day complete in all sources to the last before the newest.

    Where no source has day parts, all days that its records name are closed.
    """
    from reprise.searches.sample import days_in

    files = raw_files(deployment.logs)
    by_source: dict[str, set[str]] = {}
    for file in files:
        by_source.setdefault(file.source, set()).add(file.day)
    dated = [days for days in by_source.values() if days != {""}]
    if not dated:
        return days_in(deployment.logs, files)
    complete = sorted(set.intersection(*dated) - {""})
    return days_between(complete[0], shift(complete[-1], -1)) if len(complete) > 1 else []


def shift(day: str, days: int) -> str:
    """Return the ISO date so many days later."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
