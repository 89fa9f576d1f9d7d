"""Do new releases keep their place?"""

from __future__ import annotations

import math

from reprise.gate.checks.check import Check, Outcome
from reprise.gate.checks.gain import interval
from reprise.metrics import Comparison
from reprise.settings.gate import Policy


def keeps_new_releases(exposure: Comparison, policy: Policy) -> Check:
    """What listeners look at must not be shown to lose more than ``policy.new_release_margin`` of new releases.

    ``exposure``: the share of looks at the first places that new releases get, candidate minus what serves. An item
    that nobody was shown yet has no consumption, so that a ranker of consumption pushes new ones down unnoticed.
    """
    margin = policy.new_release_margin
    if math.isnan(exposure.lower):
        outcome: Outcome = "inconclusive"
    else:
        outcome = "fail" if exposure.upper < -margin else "pass"
    verdict = {"pass": "yes", "fail": "less", "inconclusive": "too few queries to tell"}[outcome]
    return Check(
        "keeps_new_releases",
        "Are new releases seen as much as now?",
        outcome,
        f"{verdict}: of 100 looks at the first ten places {interval(exposure, policy)}; at most {100 * margin:g} fewer",
        {"difference": exposure.difference, "lower": exposure.lower, "upper": exposure.upper, "margin": -margin},
        effect=exposure.difference,
        lower=exposure.lower,
        upper=exposure.upper,
        threshold=-margin,
    )
