"""The gate's checks: each looks at one thing and answers pass, fail or inconclusive, with its numbers.

Fail means shown to be worse, or broken. Inconclusive means that the data cannot tell: a tie is not a pass.
"""

from reprise.gate.checks.check import Check, Outcome, answer, level, points
from reprise.gate.checks.consumption import keeps_consumption
from reprise.gate.checks.evidence import enough_data, reachable
from reprise.gate.checks.features import live_skew, no_leaking_feature
from reprise.gate.checks.fit import not_overfitted
from reprise.gate.checks.gain import no_worse, superior
from reprise.gate.checks.robustness import robust_to_position_bias, robust_to_unjudged
from reprise.gate.checks.segments import no_segment_loses
from reprise.gate.checks.test_block import untouched_test_block

__all__ = [
    "Check",
    "Outcome",
    "answer",
    "enough_data",
    "keeps_consumption",
    "level",
    "live_skew",
    "no_leaking_feature",
    "no_segment_loses",
    "no_worse",
    "not_overfitted",
    "points",
    "reachable",
    "robust_to_position_bias",
    "robust_to_unjudged",
    "superior",
    "untouched_test_block",
]
