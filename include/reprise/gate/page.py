"""The report as one self-contained page for people who know music, not statistics."""

from __future__ import annotations

from reprise.gate.checks import level, points
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
    )


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _bar(comparison: Comparison) -> dict[str, float] | None:
    """Return where interval, estimate and zero stand on a 600-wide line, or None without an interval."""
    ends = [comparison.lower, comparison.upper, comparison.difference, 0.0]
    if any(end != end for end in ends):  # NaN
        return None
    low, high = min(ends), max(ends)
    pad = 0.1 * (high - low) or 0.01
    scale = 600 / (high - low + 2 * pad)
    names = ("lower", "upper", "difference", "zero")
    return {name: round((end - low + pad) * scale, 1) for name, end in zip(names, ends, strict=True)}
