"""The gate's checks: each looks at one thing and answers pass, fail or inconclusive, with its numbers.

Fail means shown to be worse, or broken. Inconclusive means that the data cannot tell: a tie is not a pass.
"""

from reprise.gate.checks.check import Check, Outcome, answer, level, points
from reprise.gate.checks.consumption import keeps_consumption
from reprise.gate.checks.evidence import enough_data, reachable
from reprise.gate.checks.features import live_skew, no_leaking_feature
from reprise.gate.checks.fit import not_overfitted
from reprise.gate.checks.gain import no_worse, superior
from reprise.gate.checks.releases import keeps_new_releases
from reprise.gate.checks.robustness import robust_to_position_bias, robust_to_unjudged
from reprise.gate.checks.segments import no_segment_loses
from reprise.gate.checks.serving import fits_solr, logs_are_sound
from reprise.gate.checks.test_block import untouched_test_block

__all__ = [
    "Check",
    "Outcome",
    "answer",
    "enough_data",
    "fits_solr",
    "keeps_consumption",
    "keeps_new_releases",
    "level",
    "live_skew",
    "logs_are_sound",
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
