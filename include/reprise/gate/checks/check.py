"""What a check answers, and how its numbers are written."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from reprise.verdict import Answer

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Check:
    """One question the gate asked; ``numbers`` are what it decided on.

    ``effect``, with the interval ``lower`` to ``upper``, is what was measured, and ``threshold`` what it was held
    against, all on one scale; each is None where a check has no such thing.
    """

    name: str
    question: str
    outcome: Outcome
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)
    effect: float | None = None
    lower: float | None = None
    upper: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        for name in ("effect", "lower", "upper", "threshold"):
            value = getattr(self, name)
            object.__setattr__(self, name, float(value) if value is not None and math.isfinite(value) else None)


def answer(checks: list[Check]) -> Answer:
    """Return no if anything failed, else cannot tell if anything is open or nothing was asked, else yes."""
    outcomes = {check.outcome for check in checks}
    if "fail" in outcomes:
        return "no"
    return "yes" if outcomes == {"pass"} else "cannot tell"


def points(value: float) -> str:
    """Return a difference as points of a hundred, signed; a readable form for reports."""
    return "unknown" if math.isnan(value) else f"{100 * value:+.2f}"


def level(value: float) -> str:
    """Return a metric's level as points of a hundred."""
    return "unknown" if math.isnan(value) else f"{100 * value:.2f}"
