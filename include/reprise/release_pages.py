"""What is live, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from reprise.release import Status
from reprise.release.mirrors import Mirror
from reprise.release.record import HOLD


def show_status(found: Status, copies: Sequence[Mirror]) -> None:
    """Print the live release, each replica, and each copy beside what Solr says."""
    console = Console()
    live = found.live
    if live is None:
        console.print("what is live is no recorded release: `reprise release rollback --to N` sets it right")
    else:
        console.print(f"release {live.number} ({live.model}) is live since {found.since[:19]} UTC", highlight=False)
        learned = f"learned until {live.trained_until}, {found.age_days} days ago" if live.trained_until else ""
        told = [learned, f"approved by {live.approver}", f"MLflow run {live.mlflow_run}" if live.mlflow_run else ""]
        console.print("; ".join(filter(None, told)), highlight=False)
    if found.previous and found.previous != live:
        console.print(f"previous: release {found.previous.number} ({found.previous.model})", highlight=False)
    if found.lanes.get(HOLD) is not None:
        console.print(f"held out: release {found.lanes[HOLD]}, for searches with useParams={HOLD}", highlight=False)
    table = Table("replica", "release", "")
    for one in found.replicas:
        table.add_row(one.url, "?" if one.release is None else str(one.release), one.trouble or "ok")
    console.print(table)
    if copies:
        table = Table("copy", "says", "should say", "")
        for copy in copies:
            table.add_row(copy.name, copy.says, copy.should, "ok" if copy.ok else "behind")
        console.print(table)
