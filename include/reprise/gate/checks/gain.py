"""Is it better than a rival, or, the same recipe on newer data, no worse?"""

from __future__ import annotations

import math

from reprise.gate.checks.check import Check, Outcome, level, points
from reprise.metrics import Comparison
from reprise.settings.gate import Policy


def superior(name: str, rival: str, comparison: Comparison, margin: float, policy: Policy) -> Check:
    """The whole interval must lie above the margin; an interval wholly at or below it is a no.

    Neither counts if random signs bring as much too often: where few queries change, a resampled interval promises too
    much, and the randomisation test is exact.
    """
    by_chance = comparison.p_value > 1 - policy.confidence
    if math.isnan(comparison.lower) or by_chance:
        outcome: Outcome = "inconclusive"
    else:
        outcome = "pass" if comparison.lower > margin else "fail" if comparison.upper <= margin else "inconclusive"
    verdict = {"pass": "better", "fail": "not better", "inconclusive": "not proven"}[outcome]
    told = f"{verdict}: {interval(comparison, policy)}; must lie above {level(margin)}"
    if by_chance and (comparison.lower > margin or comparison.upper <= margin):
        told += f"; chance alone brings as much {comparison.p_value:.1%} of the time"
    return Check(
        name, f"Is it better than {rival}?", outcome, told, _numbers(comparison, margin), **_ends(comparison, margin)
    )


def no_worse(name: str, rival: str, comparison: Comparison, policy: Policy, why: str) -> Check:
    """The whole interval must lie above minus ``policy.refresh_margin``; one wholly below 0, not by chance, is a no."""
    margin = -policy.refresh_margin
    if math.isnan(comparison.lower):
        outcome: Outcome = "inconclusive"
    else:
        worse = comparison.upper < 0 and comparison.p_value <= 1 - policy.confidence
        outcome = "fail" if worse else "pass" if comparison.lower > margin else "inconclusive"
    verdict = {"pass": "no worse", "fail": "worse", "inconclusive": "not proven"}[outcome]
    told = f"{verdict}: {interval(comparison, policy)}; must lie above {points(margin)}; {why}"
    question = f"Is it at least as good as {rival}?"
    return Check(name, question, outcome, told, _numbers(comparison, margin), **_ends(comparison, margin))


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


def _ends(comparison: Comparison, threshold: float) -> dict[str, float]:
    return {
        "effect": comparison.difference,
        "lower": comparison.lower,
        "upper": comparison.upper,
        "threshold": threshold,
    }
