"""Does no feature know the answer, and does the live engine see the features that training saw?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reprise.gate.checks.check import Check
from reprise.settings.gate import Policy


def no_leaking_feature(suspects: Sequence[str] | None, policy: Policy) -> Check:
    """A feature that alone tells good items from bad has seen the label; who can tell is whoever made it."""
    question, limit = "Does no feature know the answer by itself?", policy.max_single_feature_auc
    numbers = {"suspects": list(suspects or ()), "max_single_feature_auc": limit}
    if suspects is None:
        return Check(
            "no_leaking_feature", question, "inconclusive", "the scores do not say; run `reprise evaluate`", numbers
        )
    if suspects:
        told = (
            f"{', '.join(suspects)} tells good from bad by itself (AUC {limit:.2f} or more); see features/health.html"
        )
        return Check("no_leaking_feature", question, "inconclusive", told, numbers)
    return Check("no_leaking_feature", question, "pass", f"none alone reaches an AUC of {limit:.2f}", numbers)


def live_skew(skew: Mapping[str, Mapping[str, Any]] | None, policy: Policy) -> Check:
    """A model is only as good as its features: what the live engine logs must be what training replayed."""
    question, limit = "Does the live engine see the features that training saw?", policy.max_skew_share
    if not skew:
        reason = "no live vector meets a replayed one; see solr.yaml's live_vectors"
        return Check("live_skew", question, "inconclusive", reason, {"max_skew_share": limit})
    worst = max(skew, key=lambda name: (skew[name]["differing_share"], name))
    share, pairs = float(skew[worst]["differing_share"]), int(skew[worst]["pairs"])
    return Check(
        "live_skew",
        question,
        "pass" if share <= limit else "fail",
        f"{worst} differs in {share:.1%} of {pairs:,} pairs (at most {limit:.1%})",
        {"worst": worst, "differing_share": share, "pairs": pairs, "max_skew_share": limit},
        effect=share,
        threshold=limit,
    )
