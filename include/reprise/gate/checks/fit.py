"""Is the ranker as good on days it did not learn from?"""

from __future__ import annotations

import math

from reprise.gate.checks.check import Check, level, points
from reprise.settings.gate import Policy


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
        effect=gap,
        threshold=policy.max_train_gap,
    )
