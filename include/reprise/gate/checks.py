"""The gate's checks: each looks at one thing and answers pass, fail or inconclusive, with its numbers.

Fail means shown to be worse, or broken. Inconclusive means that the data cannot tell: a tie is not a pass.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from reprise.gate.paired import DECIDING_THETA, DECIDING_UNJUDGED, Paired
from reprise.metrics import UNJUDGED_POLICIES, Comparison
from reprise.settings.gate import Policy
from reprise.verdict import Answer

Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True)
class Check:
    """One question the gate asked; ``numbers`` are what it decided on."""

    name: str
    question: str
    outcome: Outcome
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)


def answer(checks: list[Check]) -> Answer:
    """Return no if anything failed, else cannot tell if anything is open or nothing was asked, else yes."""
    outcomes = {check.outcome for check in checks}
    if "fail" in outcomes:
        return "no"
    return "yes" if outcomes == {"pass"} else "cannot tell"


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
    )


def not_overfitted(train: float, validation: float, policy: Policy) -> Check:
    """A ranker much better on the days it learned from than on the next has learned those days by heart."""
    question, gap = "Is it as good on days it did not learn from?", train - validation
    if math.isnan(gap):
        reason = "there is no query with consumption in the training or the validation days"
        return Check("not_overfitted", question, "inconclusive", reason)
    return Check(
        "not_overfitted",
        question,
        "pass" if gap <= policy.max_train_gap else "fail",
        f"training {level(train)}, validation {level(validation)}: a gap of {points(gap)} "
        f"(at most {level(policy.max_train_gap)})",
        {"train": train, "validation": validation, "gap": gap, "max_train_gap": policy.max_train_gap},
    )


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
    )


def superior(name: str, rival: str, comparison: Comparison, margin: float, policy: Policy) -> Check:
    """The whole interval must lie above the margin; an interval wholly at or below it is a no."""
    if math.isnan(comparison.lower):
        outcome: Outcome = "inconclusive"
    else:
        outcome = "pass" if comparison.lower > margin else "fail" if comparison.upper <= margin else "inconclusive"
    verdict = {"pass": "better", "fail": "not better", "inconclusive": "not proven"}[outcome]
    interval = (
        f"{points(comparison.difference)}, {policy.confidence:.0%} interval {points(comparison.lower)} to "
        f"{points(comparison.upper)}"
    )
    return Check(
        name,
        f"Is it better than {rival}?",
        outcome,
        f"{verdict}: {interval}; must lie above {level(margin)}",
        {
            "difference": comparison.difference,
            "lower": comparison.lower,
            "upper": comparison.upper,
            "margin": margin,
            "p_value": comparison.p_value,
        },
    )


def robust_to_position_bias(test: Paired, candidate: str, champion: str) -> Check:
    """Asked only where θ could not be measured: the sign must hold under no bias, the assumed curve and a steeper."""
    differences = {t: test.difference(candidate, champion, t, DECIDING_UNJUDGED) for t in ("one", "assumed", "steep")}
    return _same_sign(
        "robust_to_position_bias",
        "Position bias could not be measured: is the answer the same whatever it is?",
        test.difference(candidate, champion, DECIDING_THETA, DECIDING_UNJUDGED),
        differences,
    )


def robust_to_unjudged(test: Paired, candidate: str, champion: str) -> Check:
    """The sign must be the same whether unjudged items are left out, count nothing or count as average."""
    differences = {str(u): test.difference(candidate, champion, DECIDING_THETA, u) for u in UNJUDGED_POLICIES}
    question = "Is the answer the same whatever unjudged items are worth?"
    return _same_sign("robust_to_unjudged", question, differences[DECIDING_UNJUDGED], differences)


def _same_sign(name: str, question: str, decided: float, differences: dict[str, float]) -> Check:
    agree = bool(decided) and all(d * decided > 0 for d in differences.values())
    listed = ", ".join(f"{kind.replace('_', ' ')} {points(d)}" for kind, d in differences.items())
    return Check(
        name,
        question,
        "pass" if agree else "inconclusive",
        f"{'yes' if agree else 'signs disagree'}: {listed}",
        differences,
    )


def points(value: float) -> str:
    """Return a difference as points of a hundred, signed; a readable form for reports."""
    return "unknown" if math.isnan(value) else f"{100 * value:+.2f}"


def level(value: float) -> str:
    """Return a metric's level as points of a hundred."""
    return "unknown" if math.isnan(value) else f"{100 * value:.2f}"
