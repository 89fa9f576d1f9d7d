"""Does no part of the searches lose what the whole gains?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from reprise.gate.checks.check import Check
from reprise.gate.checks.gain import interval
from reprise.settings.gate import Policy

if TYPE_CHECKING:
    from reprise.gate.slices import Slice


def no_segment_loses(slices: Sequence[Slice], policy: Policy) -> Check:
    """A segment shown to lose more than ``policy.segment_margin`` is a no.

    One with less traffic than ``policy.segment_floor`` is named and stops nothing. Of many segments some look bad by
    chance, so a loss counts at the confidence divided among all of them (Bonferroni), by its standard error.
    """
    question = "Does no part of the searches lose?"
    known = [one for one in slices if math.isfinite(one.comparison.standard_error)]
    wide = NormalDist().inv_cdf(1 - (1 - policy.confidence) / 2 / max(len(known), 1))
    lose = [
        one
        for one in known
        if one.comparison.difference + wide * one.comparison.standard_error < -policy.segment_margin
    ]
    blocking = [one for one in lose if one.traffic_share >= policy.segment_floor]
    small = [one for one in lose if one.traffic_share < policy.segment_floor]
    numbers = {
        "segments": len(known),
        "losing": [f"{one.kind}: {one.name}" for one in blocking],
        "losing_below_floor": [f"{one.kind}: {one.name}" for one in small],
        "segment_margin": policy.segment_margin,
        "segment_floor": policy.segment_floor,
    }
    if not known:
        reason = "no segment has enough queries to tell"
        return Check("no_segment_loses", question, "inconclusive", reason, numbers)
    told = [_told(one, policy) for one in blocking] or [f"none of {len(known)} segments loses significantly"]
    told += [f"{_told(one, policy)}, but that is only {one.traffic_share:.1%} of searches" for one in small]
    worst = min(blocking or known, key=lambda one: one.comparison.difference + wide * one.comparison.standard_error)
    by, half = worst.comparison.difference, wide * worst.comparison.standard_error
    return Check(
        "no_segment_loses", question, "fail" if blocking else "pass", "; ".join(told), numbers,
        effect=by, lower=by - half, upper=by + half, threshold=-policy.segment_margin,
    )  # fmt: skip


def _told(one: Slice, policy: Policy) -> str:
    return f"{one.kind} {one.name} loses: {interval(one.comparison, policy)}"
