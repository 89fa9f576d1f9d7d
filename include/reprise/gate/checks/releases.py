"""Do new releases keep their place?"""

from __future__ import annotations

import math

from reprise.gate.checks.check import Check, Outcome, level
from reprise.gate.checks.gain import interval
from reprise.metrics import Comparison
from reprise.settings.gate import Policy


def keeps_new_releases(exposure: Comparison, now: float, policy: Policy) -> Check:
    """New releases must not be shown to lose more than ``policy.new_release_loss`` of the looks that they get now.

    ``exposure``: their share of looks at the first places, candidate minus what serves; ``now``: that of what serves.
    An item that nobody was shown yet has no consumption, so a ranker of consumption pushes new ones down unnoticed.
    """
    least = -policy.new_release_loss * now
    if math.isnan(exposure.lower):
        outcome: Outcome = "inconclusive"
    else:
        outcome = "fail" if exposure.upper < least else "pass"
    verdict = {"pass": "enough", "fail": "too few", "inconclusive": "too few queries to tell"}[outcome]
    return Check(
        "keeps_new_releases",
        "Do new releases still get their looks?",
        outcome,
        f"{verdict}: of 100 looks at the first places {level(now)} are theirs now, and {interval(exposure, policy)}; "
        f"at most {level(-least)} fewer",
        {
            "now": now,
            "difference": exposure.difference,
            "lower": exposure.lower,
            "upper": exposure.upper,
            "least": least,
        },
        effect=exposure.difference,
        lower=exposure.lower,
        upper=exposure.upper,
        threshold=least,
    )
