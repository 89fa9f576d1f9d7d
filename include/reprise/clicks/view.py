"""What ``reprise judge --method`` prints of sessions: the models side by side, or the labels of one."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

import numpy as np

from reprise.clicks.compare import NAMES, Foretold, compared
from reprise.clicks.labels import METHODS, Label, labels
from reprise.clicks.models import Setting
from reprise.clicks.sessions import Sessions
from reprise.errors import UsageError

_COLUMNS = ("query", "item", "impressions", "clicks", "worth", "attraction", "satisfaction", "grade")


def label_text(sessions: Sessions, method: str, setting: Setting, only: Collection[str] | None = None) -> str:
    """Return the labels of a method as CSV, one line per (query, item); of ``only`` these queries, where given."""
    if method not in METHODS:
        raise UsageError(f"there is no method {method!r}", f"use compare, {', '.join(METHODS)}")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    found = labels(sessions, method, setting)
    writer.writerows(_row(label) for label in found if only is None or label.query in only)
    return out.getvalue()


def compare_text(sessions: Sessions, setting: Setting, held_out: float = 0.2) -> str:
    """Return a table of the click models on the last sessions, fitted on the first: best on top."""
    found = compared(sessions, NAMES, setting, held_out)
    kind = "a play of 30 s" if sessions.plays else "the last click, as no plays are known"
    says = (
        f"{len(sessions.pair)} sessions, {len(sessions.pairs)} pairs; tried on the last {found[0].sessions}; "
        f"satisfied is {kind}"
    )
    places = max(len(one.perplexity) for one in found)
    head = ["model", "log-likelihood", "perplexity", *(f"at {k}" for k in range(1, places + 1))]
    lines = [head, *(_line(one) for one in found)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    table = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([says, *table, "log-likelihood: mean per session; perplexity: 1 is certainty, 2 a coin", ""])


def _line(one: Foretold) -> list[str]:
    return [one.model, f"{one.log_likelihood:.4f}", f"{one.mean_perplexity:.4f}", *(f"{p:.3f}" for p in one.perplexity)]


def _row(label: Label) -> list[object]:
    values = [getattr(label, name) for name in _COLUMNS]
    return ["" if v is None else f"{v:.6g}" if isinstance(v, float | np.floating) else v for v in values]
