"""May a candidate pass by being no worse? Yes where it is the champion's own recipe and the champion has grown old.

Else an equally good model of newer data could never be proven better, and what serves would be served for years.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from reprise.training.baselines import is_champions_recipe

if TYPE_CHECKING:
    from reprise.plan import Plan


def aged(plan: Plan, release: Mapping[str, Any]) -> str:
    """Return how old the champion is, in words, where that is old enough to be renewed; else, or of release 0, empty.

    Its age is counted from the last day that it learned from to the run's.
    """
    until = str(release.get("trained_until") or "")
    if not release.get("number", 0) or not until:
        return ""
    age = (date.fromisoformat(plan.as_of) - date.fromisoformat(until)).days
    needed = plan.deployment.gate.policy.refresh_after_days
    return f"what serves learned its last {age} days ago (from {needed} on)" if age >= needed else ""


def refreshes(plan: Plan, family: str, release: Mapping[str, Any]) -> str:
    """Return why a candidate of this family may pass as a refresh, in words; empty where it may not."""
    old = aged(plan, release)
    return f"it is the same recipe, and {old}" if old and is_champions_recipe(plan, family) else ""
