"""The report as one self-contained page for people who know music, not statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping

from reprise.gate.checks import Check, level, points
from reprise.gate.report import Report
from reprise.metrics import Comparison
from reprise.pages import render

_HEADLINE = {
    "yes": "Better, and proven",
    "no": "Refused",
    "cannot tell": "Not proven",
}
_SAYS = {
    "yes": "The new ranking gives listeners more of what they wanted than the one that serves now.",
    "no": "The new ranking must not go live. The checks marked “fail” say why.",
    "cannot tell": "These logs cannot show that the new ranking is better. Nothing changes; what serves now stays.",
}
_REFRESHED = (
    "As good, and newer",
    "The new ranking is what serves now, learned anew: no worse, from newer days.",
)
_MARK = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


def to_html(report: Report) -> str:
    """Return the page: verdict in words, effect with interval, checks, slices, queries. No scripts, no links out."""
    headline, says = _HEADLINE[report.answer], _SAYS[report.answer]
    if report.answer == "yes" and report.way == "refresh":
        headline, says = _REFRESHED
    return render(
        "reprise.gate",
        "report.html",
        {"points": lambda value: points(_number(value)), "level": lambda value: level(_number(value))},
        report=report,
        headline=headline,
        says=says,
        mark=_MARK,
        bar=_bar(report.comparison),
        drawing=drawing,
    )


def drawing(check: Check) -> dict[str, float] | None:
    """Return where a check's effect, interval and threshold stand on a line 120 wide, or None without an effect.

    An end that a check has none of is left out.
    """
    if check.effect is None:
        return None
    named = {name: getattr(check, name) for name in ("effect", "lower", "upper", "threshold")}
    return _places({name: value for name, value in named.items() if value is not None}, 120)


def checks_table(report: Report) -> list[str]:
    """Return the checks as rows of a Markdown table, header first; what would break out of a cell is defused."""
    rows = [(check.question, check.outcome, check.reason) for check in report.checks]
    return ["| question | answer | why |", "|---|---|---|", *(f"| {' | '.join(map(_cell, row))} |" for row in rows)]


def _cell(text: str) -> str:
    for found, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("\n", " "), ("[", "\\["), ("`", "'")):
        text = text.replace(found, instead)
    return text


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _bar(comparison: Comparison) -> dict[str, float] | None:
    """Return where interval, estimate and zero stand on a 600-wide line, or None without an interval."""
    named = {"lower": comparison.lower, "upper": comparison.upper, "difference": comparison.difference, "zero": 0.0}
    return None if any(math.isnan(end) for end in named.values()) else _places(named, 600)


def _places(named: Mapping[str, float], width: float) -> dict[str, float]:
    low, high = min(named.values()), max(named.values())
    pad = 0.1 * (high - low) or 0.01
    scale = width / (high - low + 2 * pad)
    return {name: round((end - low + pad) * scale, 1) for name, end in named.items()}
