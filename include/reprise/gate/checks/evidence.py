"""Are there enough queries, and does the engine retrieve what listeners wanted?"""

from __future__ import annotations

import math

from reprise.gate.checks.check import Check, level
from reprise.metrics import Comparison
from reprise.settings.gate import Policy


def enough_data(comparison: Comparison, policy: Policy) -> Check:
    """A verdict needs queries; the smallest gain these could show is printed either way."""
    enough = comparison.queries >= policy.min_queries
    says = f"{comparison.queries} queries count, worth {comparison.effective_n:.0f} of equal traffic"
    needs = f"; {policy.min_queries} are needed" if not enough else ""
    detectable = "" if math.isnan(comparison.detectable) else f"; a gain of {level(comparison.detectable)} would show"
    return Check(
        "enough_data",
        "Are there enough queries to tell?",
        "pass" if enough else "inconclusive",
        says + needs + detectable,
        {
            "queries": comparison.queries,
            "effective_n": comparison.effective_n,
            "detectable_gain": comparison.detectable,
            "min_queries": policy.min_queries,
        },
        effect=comparison.queries,
        threshold=policy.min_queries,
    )


def reachable(unreachable_share: float | None, policy: Policy) -> Check:
    """Reranking only sees what the engine retrieves: if most judged items are not among it, look there first."""
    question = "Does the engine retrieve what listeners wanted?"
    if unreachable_share is None:
        return Check("reachable", question, "inconclusive", "the training set does not say which items were retrieved")
    within = unreachable_share <= policy.max_unreachable_share
    return Check(
        "reachable",
        question,
        "pass" if within else "inconclusive",
        f"{unreachable_share:.0%} of judged items are out of reach of reranking "
        f"(at most {policy.max_unreachable_share:.0%})" + ("" if within else "; mend retrieval first"),
        {"unreachable_share": unreachable_share, "max_unreachable_share": policy.max_unreachable_share},
        effect=unreachable_share,
        threshold=policy.max_unreachable_share,
    )
