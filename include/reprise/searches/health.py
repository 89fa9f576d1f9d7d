"""How healthy the extracted days are, in numbers: daily tables only, without Spark and without a listener.

Every figure stands beside its usual value: the median of the same figure over the 28 days before (the days of them
that the lake has, and at least a week of them), so that a break shows and a slow drift does too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from reprise.lake import DAYS
from reprise.searches.calendar import shift

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.lake import Lake
    from reprise.plan import Plan

USUAL_DAYS = 28
#: With fewer days before, there is no usual value.
LEAST_DAYS = 7
_READ = ("log_counts", "query_stats", "journey_stats", "item_stats")


@dataclass(frozen=True)
class Figure:
    """A day's number and its usual value; ``value`` is None where the day has nothing to divide by."""

    value: float | None
    usual: float | None = None


@dataclass(frozen=True)
class SourceDay:
    """The raw records of one source on one day; ``fates`` has how many ended where, ``shares`` what part."""

    day: str
    source: str
    records: Figure
    used: Figure
    late: Figure  # share of records that began before the day of their files
    fates: dict[str, int] = field(default_factory=dict)
    shares: dict[str, Figure] = field(default_factory=dict)

    def share(self, kind: str) -> float:
        """Return what part of the records ended as this kind: ``used``, ``dropped`` or ``rejected``."""
        return sum(n for fate, n in self.fates.items() if fate.split(":")[0] == kind) / max(self.records.value or 0, 1)


@dataclass(frozen=True)
class ServiceDay:
    """What listeners did on one day. Rates are 0..1; ``top_item`` is the item with most plays."""

    day: str
    searches: Figure
    queries: Figure
    success_rate: Figure
    bounce_rate: Figure
    plays: Figure
    skip_rate: Figure
    searched_play_share: Figure
    top_item_share: Figure
    top_item: str = ""


@dataclass(frozen=True)
class Health:
    """What ``measure`` found, days in order."""

    sources: list[SourceDay]
    service: list[ServiceDay]


def measure(plan: Plan) -> Health:
    """Return the health of the plan's days; one that was not extracted is an error."""
    lake, version = plan.open_lake(), plan.logs_version
    there = lake.partitions(DAYS, version)
    whole = {name.removeprefix("dt=") for name, day in there.items() if not any(map(day.has_expired, _READ))}
    first, last = min(plan.days), max(plan.days)
    days = sorted({day for day in whole if shift(first, -USUAL_DAYS) <= day <= last} | set(plan.days))
    fates: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    late: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in lake.read("log_counts", version, [f"dt={day}" for day in days]).to_pylist():
        fates[row["source"]][row["dt"]][row["fate"]] = row["records"]
        late[row["source"]][row["dt"]] += row["late"]
    names = {source.name for source in plan.deployment.logs.sources} | set(fates)
    sources = [each for name in sorted(names) for each in _source(name, fates[name], late[name], days, plan.days)]
    return Health(sources, _service(lake, version, days, plan.days))


def _source(
    name: str,
    fates: Mapping[str, Mapping[str, int]],
    late: Mapping[str, int],
    days: Sequence[str],
    wanted: Sequence[str],
) -> Iterable[SourceDay]:
    total = {day: float(sum(fates.get(day, {}).values())) for day in days}
    used = {day: float(fates.get(day, {}).get("used", 0)) for day in days}
    came_late = {day: late.get(day, 0) / total[day] for day in days if total[day]}
    ends = sorted({fate for day in days for fate in fates.get(day, {})})
    shares = {
        end: {day: fates.get(day, {}).get(end, 0) / total[day] for day in days if total[day]} for end in ends
    }  # fmt: skip
    for day in wanted:
        parts = {end: _figure(share, day) for end, share in shares.items()}
        counted = _figure(total, day, 0.0), _figure(used, day, 0.0), _figure(came_late, day)
        yield SourceDay(day, name, *counted, dict(fates.get(day, {})), parts)


def _service(lake: Lake, version: str, days: Sequence[str], wanted: Sequence[str]) -> list[ServiceDay]:
    read: dict[str, dict[str, float]] = defaultdict(dict)
    tops: dict[str, str] = {}
    for day in days:
        figures, tops[day] = _of_day(lake, version, day)
        for name, value in figures.items():
            read[name][day] = value

    def on(name: str, day: str, default: float | None = None) -> Figure:
        return _figure(read[name], day, default)

    return [
        ServiceDay(
            day, on("searches", day, 0.0), on("queries", day, 0.0), on("success_rate", day), on("bounce_rate", day),
            on("plays", day, 0.0), on("skip_rate", day), on("searched_play_share", day), on("top_item_share", day),
            tops.get(day, ""),
        )
        for day in wanted
    ]  # fmt: skip


def _of_day(lake: Lake, version: str, day: str) -> tuple[dict[str, float], str]:
    """Return a day's figures by name, rates only where there is something to divide by, and its most played item."""
    import pyarrow.compute as pc

    def read(table: str, *columns: str) -> pa.Table:
        return lake.read(table, version, [f"dt={day}"], columns)

    def total(table: pa.Table, name: str) -> float:
        return float(pc.sum(table[name]).as_py() or 0)

    queries = read("query_stats", "searches")
    journeys = read("journey_stats", "journeys", "successes", "bounces")
    plays = read("item_stats", "item", "plays", "skips", "search_plays")
    played, begun, top = total(plays, "plays"), total(journeys, "journeys"), ""
    found = {"searches": total(queries, "searches"), "queries": float(queries.num_rows), "plays": played}
    if begun:
        found["success_rate"] = total(journeys, "successes") / begun
        found["bounce_rate"] = total(journeys, "bounces") / begun
    if played:
        most = pc.max(plays["plays"])
        top = pc.min(plays.filter(pc.equal(plays["plays"], most))["item"]).as_py()
        found["top_item_share"] = most.as_py() / played
        found["skip_rate"] = total(plays, "skips") / played
        found["searched_play_share"] = total(plays, "search_plays") / played
    return found, top


def _figure(by_day: Mapping[str, float], day: str, default: float | None = None) -> Figure:
    before = [by_day[shift(day, -n)] for n in range(1, USUAL_DAYS + 1) if shift(day, -n) in by_day]
    return Figure(by_day.get(day, default), median(before) if len(before) >= LEAST_DAYS else None)
