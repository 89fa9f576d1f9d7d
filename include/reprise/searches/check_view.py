"""How `reprise check` shows its report in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from reprise.searches.check import Report, SourceReport


def show(report: Report, console: Console | None = None) -> None:
    """Print a report: one table per source, the first searches, and the edits to make."""
    console = console or Console()
    for source in report.sources:
        console.print(_source_table(source))
        for hint in source.unmapped:
            seen = f"seen, not mapped: {hint.field} may be {hint.path} ({hint.share:.0%})"
            console.print(f"  {seen}", markup=False, highlight=False, soft_wrap=True)
        for reason, n in source.rejects.most_common(5):
            console.print(f"  rejected: {reason} ({n} of {source.records})")
        for reason, n in source.drops.most_common(5):
            console.print(f"  dropped: {reason} ({n} of {source.records})")
        if source.filtered:
            console.print(f"  left to other sources: {source.filtered} more")
    if report.searches:
        table = Table("when", "query", "items shown", title="first searches of the sample")
        for when, query, shown in report.searches:
            table.add_row(when, query, str(shown))
        console.print(table)
    console.print(_plays(report))
    console.print(_position_bias(report))
    console.print(report.gain)
    for number, edit in enumerate(report.edits, 1):
        console.print(f"next edit {number}: {edit}", markup=False)


def _source_table(source: SourceReport) -> Table:
    kinds = ", ".join(f"{n} {kind}" for kind, n in source.kinds.most_common())
    title = f"{source.name}: {source.records} records of {source.files} files ({kinds})"
    table = Table("field", "has a value", title=title)
    for name, n in source.mapped.items():
        table.add_row(name, f"{n / source.records:.0%}" if source.records else "–")
    return table


def _plays(report: Report) -> str:
    if not any(source.kind == "play" for source in report.sources):
        return "plays: no source of plays, so a click counts as 1 and everything is labelled clicks-only"
    if report.play_join is None:
        return "plays: the sample holds no click and play to compare"
    return f"plays: {report.play_join:.0%} of sampled clicks have a play of the same user and item in the sample"


def _position_bias(report: Report) -> str:
    if report.identifiable:
        return f"position bias: can be measured ({len(report.rankers)} rankers, {report.swapped} swapped searches)"
    return "position bias: cannot be measured (one ranker, no swaps); the assumed curve of gate.yaml will be used"
