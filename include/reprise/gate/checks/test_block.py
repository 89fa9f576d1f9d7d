"""Did neither ranker see the test days before?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprise.gate.checks.check import Check


def untouched_test_block(test_first: str, candidate_until: str, champion: Mapping[str, Any]) -> Check:
    """Neither ranker may have learned from, or been tuned on, a day that tests it now."""
    until = {"candidate": candidate_until}
    if champion.get("number", 0):  # release 0 is the engine's own order: nothing was learned
        until["champion"] = champion.get("trained_until") or ""
    overlapping = [
        f"the {who} learned until {day or 'an unknown day'}"
        for who, day in until.items()
        if not day or day >= test_first
    ]
    return Check(
        "untouched_test_block",
        "Did neither ranker see the test days before?",
        "inconclusive" if overlapping else "pass",
        f"the test begins on {test_first}; {' and '.join(overlapping)}"
        if overlapping
        else f"the test begins on {test_first}, after the last day either learned from",
        {"test_first": test_first, **{f"{who}_trained_until": day for who, day in until.items()}},
    )
