"""``reprise check <deployment>``: what a sample of the logs looks like through the mapping, and what to edit next.

About a thousand records per source are read without Spark: which share of each field maps, why records would be
rejected, what is there and not mapped, whether plays join searches, whether position bias can be identified, how small
a gain the traffic could show, and the first ten searches.
Nothing of listeners who opted out is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from reprise.searches.by_hand import Raw, raw_records
from reprise.searches.calendar import RawFile, raw_files
from reprise.searches.detectable import smallest_gain
from reprise.searches.profiles import profiles
from reprise.searches.recognise import recognise
from reprise.searches.sample import Sampled, read_record
from reprise.searches.sniff import whole_records
from reprise.settings import Deployment, Source
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console

RECORDS_PER_SOURCE = 1_000
#: An unknown action in fewer records than this share is noise, no reason to edit the mapping.
RARE = 0.01


class Hint(NamedTuple):
    """A field that nothing is mapped to, a path that it may be, and the share of records that have a value there."""

    field: str
    path: str
    share: float


@dataclass
class SourceReport:
    """What one source's sample shows; shares are of the records that are the source's by its conditions."""

    name: str
    kind: str
    files: int
    records: int = 0
    filtered: int = 0  # records that `only_when` and `skip_when` leave to others
    mapped: dict[str, int] = field(default_factory=dict)  # our field → records in which it has a value
    rejects: Counter[str] = field(default_factory=Counter)
    drops: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)  # search, click, save, impression, play
    unknown_actions: Counter[str] = field(default_factory=Counter)
    unmapped: list[Hint] = field(default_factory=list)

    @property
    def search_share(self) -> float:
        """Searches divided by everything in the files, whoever's it is."""
        return self.kinds["search"] / max(1, self.records + self.filtered)

    @property
    def reject_share(self) -> float:
        """Rejected records divided by records read."""
        return sum(self.rejects.values()) / self.records if self.records else 0.0


@dataclass
class Report:
    """What `reprise check` found; ``edits`` are in the order to make them."""

    deployment: str
    sources: list[SourceReport]
    searches: list[tuple[str, str, int]]  # when, query, items shown: the first ten
    rankers: list[str]
    swapped: int
    play_join: float | None  # share of clicks with a play of the same user and item; None without plays
    gain: str  # the smallest that a test block could show, in words
    edits: list[str]

    @property
    def identifiable(self) -> bool:
        """Whether position bias can be measured: two rankers, or adjacent swaps."""
        return len(self.rankers) > 1 or self.swapped > 0

    def verdict(self) -> Verdict:
        """Return yes where the mapping works, else no with the first edit to make."""
        if self.edits:
            return Verdict("no", self.edits[0], facts={"edits": self.edits})
        return Verdict("yes", f"{self.deployment}: every source maps")

    def print(self, console: Console | None = None) -> None:
        """Show the report as tables."""
        from reprise.searches.check_view import show

        show(self, console)


def check(deployment: Deployment) -> Report:
    """Return what about a thousand records of each source look like through the deployment's mapping."""
    files = raw_files(deployment.logs)
    used: list[Sampled] = []
    reports = []
    for source in deployment.logs.sources:
        mine = [file for file in files if file.source == source.name]
        found = SourceReport(source.name, source.kind, len(mine), mapped=dict.fromkeys(source.fields, 0))
        used += [one for one in islice(_newest(source, mine), RECORDS_PER_SOURCE) if _counted(one, found)]
        found.unmapped = _unmapped(source, mine)
        reports.append(found)
    searches = sorted((one for one in used if one.kind == "search"), key=lambda one: str(one.ts))
    shown = Counter(one.fields["search_id"] for one in used if one.fields["action"] == "impression")
    report = Report(
        deployment.name,
        reports,
        [
            (str(one.ts), str(one.fields["query"]), len(one.results or ()) or shown[one.fields["search_id"]])
            for one in searches[:10]
        ],
        sorted({one.fields["ranker"] for one in searches if one.fields["ranker"]}),
        sum(bool(one.fields["swapped"]) for one in searches),
        _play_join(used),
        smallest_gain(deployment, used, files, {found.name: found.search_share for found in reports}),
        [],
    )
    report.edits += _edits(deployment, report)
    return report


def _newest(source: Source, files: list[RawFile]) -> Iterator[Sampled]:
    """Records of the newest day's files first, so that a sample shows what is logged now."""
    for file in _in_order(files):
        yield from (read_record(source, raw, file.covers) for raw in raw_records(source, file.uri))


def _in_order(files: list[RawFile]) -> list[RawFile]:
    return sorted(files, key=lambda one: (one.day, one.uri), reverse=True)


def _unmapped(source: Source, files: list[RawFile]) -> list[Hint]:
    """Return what the sample's records seem to hold for fields that neither a path nor a default stands for."""
    everything = (record for file in _in_order(files) for record in whole_records(source, file.uri))
    mine = [
        record
        for record in islice(everything, RECORDS_PER_SOURCE)
        if read_record(source, Raw(record)).fate != "dropped:filtered"
    ]
    seen = profiles(mine, flat=source.format == "csv")
    stands = source.paths() | {name: "" for name in source.defaults if name not in source.fields}
    return [
        Hint(pair.field, pair.path, pair.records / len(mine)) for pair in recognise(source.kind, seen, stands).values()
    ]


def _counted(one: Sampled, report: SourceReport) -> bool:
    """Count a record in the report, and return whether the extraction would use it."""
    if one.fate == "dropped:filtered":
        report.filtered += 1
        return False
    report.records += 1
    for name in report.mapped:
        report.mapped[name] += one.found.get(name) not in (None, "", [])
    verdict, _, reason = one.fate.partition(":")
    if verdict == "rejected":
        report.rejects[reason] += 1
        if reason == "unknown action":
            report.unknown_actions[str(one.raw_action)] += 1
        return False
    if verdict == "dropped" or one.opted_out:
        report.drops[reason or "opted out"] += 1
        return False
    report.kinds[one.fields["action"] if one.kind == "event" else one.kind] += 1
    return True


def _play_join(used: list[Sampled]) -> float | None:
    plays = {(one.user, one.fields[name]) for one in used if one.kind == "play" for name in ("item", "from_item")}
    clicks = [(one.user, one.fields["item"]) for one in used if one.fields["action"] == "click"]
    if not plays or not clicks:
        return None
    return sum(click in plays for click in clicks) / len(clicks)


def _edits(deployment: Deployment, report: Report) -> list[str]:
    edits = []
    for source, found in zip(deployment.logs.sources, report.sources, strict=True):
        where = f"logs.yaml: sources.{source.name}"
        if found.filtered and found.records == found.drops["opted out"]:
            edits.append(f"{where}: `only_when` and `skip_when` leave no record of {found.filtered}")
            continue
        for action, n in found.unknown_actions.most_common(3):
            if n > RARE * found.records:
                edits.append(f"{where}.actions: map {action!r} ({n} records), or leave it rejected")
        edits += [
            f"{where}.fields.{name}: no record has anything at {source.fields[name]!r}"
            for name, n in found.mapped.items()
            if n == 0 and name != "optout"
        ]
        if found.reject_share > deployment.logs.max_reject_share:
            reason, n = found.rejects.most_common(1)[0]
            edits.append(f"{where}: {found.reject_share:.0%} would be rejected, most often as {reason!r} ({n} records)")
    return edits
