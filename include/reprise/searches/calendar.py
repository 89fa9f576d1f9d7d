"""Which raw files belong to which day, and which days are closed.

A source's addresses carry the day's parts (``{date}``; ``{yyyy}``, ``{mm}``, ``{dd}``; ``{epoch_s}``, ``{epoch_ms}``;
``{hh}`` is read over). Such a day is one of the source's own time zone, so a file covers a stretch of UTC time, and
the days of tables are UTC. A source without day parts is one input for all its days; those are read from its records.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

from reprise.errors import MissingDataError
from reprise.lake import DAYS, Lake
from reprise.plan import days_between
from reprise.searches.addresses import Interval, interval, template
from reprise.settings import Deployment, Logs, Source

_DAY = timedelta(days=1)
_ALMOST = _DAY - timedelta(microseconds=1)


@dataclass(frozen=True)
class RawFile:
    """One object of a source; ``day``, of the source's time zone, is "" where its address names none."""

    source: str
    uri: str
    etag: str
    day: str
    covers: Interval | None = None  # what of UTC time; None where its address names no day
    size: int = 0

    @cached_property
    def needed_for(self) -> tuple[str, str]:
        """The first and the last day D that it is an input of: it touches [D − 1 day, D + 2 days)."""
        if self.covers is None:
            return date.min.isoformat(), date.max.isoformat()
        begins, ends = self.covers
        return _floor(begins - _DAY).isoformat(), _floor(ends + _ALMOST).isoformat()


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
    seen: dict[str, RawFile] = {}
    covers: dict[str, Interval | None] = {"": None}
    for uri in source.uris:
        shape = template(uri)
        for address, listed in shape.listed():
            day = shape.day(address, source.time_zone)
            if day is None or address in seen:  # two globs may name one file; its records are read once
                continue
            if day not in covers:
                covers[day] = interval(day, source.time_zone)
            seen[address] = RawFile(source.name, address, listed.etag, day, covers[day], listed.size)
    return seen.values()


def files_for(files: Iterable[RawFile], days: Sequence[str]) -> list[RawFile]:
    """Return the files that any of these days is made from."""
    wanted = sorted(days)
    return [file for file in files if any(file.needed_for[0] <= day <= file.needed_for[1] for day in wanted)]


def inputs_of(files: Iterable[RawFile], day: str) -> dict[str, str]:
    """Return address → etag of what a day's tables are made from: what touches it or its neighbours; undated files.

    The day before says which journeys were already under way; the day after brings what came late.
    """
    return {file.uri: file.etag for file in files_for(files, [day])}


def closed_days(deployment: Deployment) -> list[str]:
    """Return the closed days in order, from the first that every source covers.

    Day D is closed once every source has files of a day that begins ``closes_after_days`` after D or later: journeys
    cross midnight, saves count for 24 hours and offline plays come late. Where no source has day parts, all days that
    its records name are closed.
    """
    from reprise.searches.sample import days_in

    files = raw_files(deployment.logs)
    begun: dict[str, list[datetime]] = {}
    for file in files:
        if file.covers:
            begun.setdefault(file.source, []).append(file.covers.begins)
    if not begun:
        return days_in(deployment.logs, files)
    first = _floor(max(min(times) for times in begun.values()) + _ALMOST)
    last = _floor(min(max(times) for times in begun.values())) - deployment.logs.closes_after_days * _DAY
    return days_between(first.isoformat(), last.isoformat()) if first <= last else []


def newest_extracted(lake: Lake, version: str) -> str:
    """Return the newest day that a lake has of a version of the logs; without one it is an error."""
    days = lake.partitions(DAYS, version)
    if not days:
        raise MissingDataError(f"{lake.uri} has no extracted day", "run the DAG extract")
    return max(days).removeprefix("dt=")


def shift(day: str, days: int) -> str:
    """Return the ISO date so many days later."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def _floor(time: datetime) -> date:
    return time.astimezone(UTC).date()
