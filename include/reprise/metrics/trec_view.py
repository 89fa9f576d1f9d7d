"""How `reprise evaluate` shows rankings from files in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from rich.console import Console
from rich.table import Table

from reprise.errors import UsageError
from reprise.metrics.ranking import Empty
from reprise.metrics.trec import Evaluation, evaluate_files
from reprise.metrics.unjudged import UNJUDGED_POLICIES, Unjudged

#: What is shown where nobody asked for anything else.
USUAL = ("ndcg_at_10", "err_at_10", "mrr_at_10", "map_at_100", "precision_at_10", "recall_at_100", "rbp_80")


def show(
    qrels: Path, runs: Sequence[Path], names: Sequence[str], unjudged: str, empty: str, console: Console | None = None
) -> None:
    """Evaluate the files and print the table; a word that is no policy is an error that lists them."""
    for option, given, known in (("unjudged", unjudged, UNJUDGED_POLICIES), ("empty", empty, get_args(Empty))):
        if given not in known:
            raise UsageError(f"--{option} is {given!r}", f"there are {', '.join(known)}")
    found = evaluate_files(qrels, runs, names or USUAL, cast(Unjudged, unjudged), cast(Empty, empty))
    (console or Console()).print(_table(found, len(runs) > 1))


def _table(found: Evaluation, compared: bool) -> Table:
    judged = ", ".join(f"{share:.0%} of {run}'s" for run, share in found.judged_at_10.items())
    table = Table(
        "metric", "run", "mean", "queries", "left out", *(["beside the first run, 95 % interval"] if compared else []),
        title=f"{found.queries} judged queries; judged are {judged} first ten places",
    )  # fmt: skip
    for line in found.lines:
        cells = [line.metric, line.run, f"{line.means.per_query:.4f}", str(line.means.queries)]
        cells.append(f"{line.means.dropped_query_share:.0%}")
        if compared:
            beside = line.beside_first
            cells.append(f"{beside.difference:+.4f} ({beside.lower:+.4f} to {beside.upper:+.4f})" if beside else "")
        table.add_row(*cells)
    return table
