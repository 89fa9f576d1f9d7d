"""Do listeners find at least as much to play, as far as the logs can say?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from reprise.gate.checks.check import Check, Outcome
from reprise.settings.gate import Policy

_QUESTION = "Do listeners get at least as much to play?"


def keeps_consumption(expected: Mapping[str, Any], policy: Policy) -> Check:
    """Expected consumption per search must not be shown to fall by more than ``policy.consumption_margin``.

    ``expected``: candidate beside champion, as `consumption.expected` returns it. Where the logs cannot speak for the
    candidate, because too much of what it brings up was never seen, nobody can tell.
    """
    found, margin = expected["comparison"], policy.consumption_margin
    lower, upper = (float("nan") if found[end] is None else float(found[end]) for end in ("lower", "upper"))
    numbers = {name: found[name] for name in ("difference", "lower", "upper")} | {"margin": -margin}
    ends = {"effect": found["difference"], "lower": lower, "upper": upper, "threshold": -margin}
    if expected["inconclusive"]:
        return Check("keeps_consumption", _QUESTION, "inconclusive", str(expected["inconclusive"]), numbers, **ends)
    if math.isnan(lower):
        outcome: Outcome = "inconclusive"
    else:
        outcome = "fail" if upper < 0 else "pass" if lower > -margin else "inconclusive"
    verdict = {"pass": "yes", "fail": "less", "inconclusive": "not proven"}[outcome]
    by = float("nan") if found["difference"] is None else float(found["difference"])
    told = (
        f"{verdict}: {by:+.3f} of expected consumption per search, {policy.confidence:.0%} interval {lower:+.3f} to "
        f"{upper:+.3f}; must lie above {-margin:+.3f}"
    )
    return Check("keeps_consumption", _QUESTION, outcome, told, numbers, **ends)
