"""Is it better than a rival, or, the same recipe on newer data, no worse?"""

from __future__ import annotations

import math

from reprise.gate.checks.check import Check, Outcome, level, points
from reprise.metrics import Comparison
from reprise.settings.gate import Policy


def superior(name: str, rival: str, comparison: Comparison, margin: float, policy: Policy) -> Check:
    """The whole interval must lie above the margin; an interval wholly at or below it is a no."""
    if math.isnan(comparison.lower):
        outcome: Outcome = "inconclusive"
    else:
        outcome = "pass" if comparison.lower > margin else "fail" if comparison.upper <= margin else "inconclusive"
    verdict = {"pass": "better", "fail": "not better", "inconclusive": "not proven"}[outcome]
    told = f"{verdict}: {interval(comparison, policy)}; must lie above {level(margin)}"
    return Check(name, f"Is it better than {rival}?", outcome, told, _numbers(comparison, margin))


def no_worse(name: str, rival: str, comparison: Comparison, policy: Policy, why: str) -> Check:
    """The whole interval must lie above minus ``policy.refresh_margin``; one wholly below 0 is a no."""
    margin = -policy.refresh_margin
    if math.isnan(comparison.lower):
        outcome: Outcome = "inconclusive"
    else:
        outcome = "fail" if comparison.upper < 0 else "pass" if comparison.lower > margin else "inconclusive"
    verdict = {"pass": "no worse", "fail": "worse", "inconclusive": "not proven"}[outcome]
    told = f"{verdict}: {interval(comparison, policy)}; must lie above {points(margin)}; {why}"
    return Check(name, f"Is it at least as good as {rival}?", outcome, told, _numbers(comparison, margin))


def interval(comparison: Comparison, policy: Policy) -> str:
    """Return a difference with its interval, in points of a hundred."""
    return (
        f"{points(comparison.difference)}, {policy.confidence:.0%} interval {points(comparison.lower)} to "
        f"{points(comparison.upper)}"
    )


def _numbers(comparison: Comparison, margin: float) -> dict[str, float]:
    return {
        "difference": comparison.difference,
        "lower": comparison.lower,
        "upper": comparison.upper,
        "margin": margin,
        "p_value": comparison.p_value,
    }
