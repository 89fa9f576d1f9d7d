"""Everything that is asked of one candidate's scores, whether a run in the lake or plain files hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reprise.gate.checks import (
    Check,
    enough_data,
    keeps_consumption,
    keeps_new_releases,
    no_segment_loses,
    no_worse,
    robust_to_position_bias,
    robust_to_unjudged,
    superior,
)
from reprise.gate.paired import Beside, Paired
from reprise.gate.slices import Slice, asked_of, segments_of, slices_of
from reprise.metrics import Comparison
from reprise.settings.gate import Policy
from reprise.training.baselines import BASELINES, RETRAINED


@dataclass(frozen=True)
class Case:
    """A candidate beside what serves, by the names that the scores have for them.

    ``rivals``: the baselines to be beaten too. ``refresh``: why it may pass by being no worse, empty where it may not.
    ``retrained``: ask for more than what the champion's own recipe would bring; ``aged``: of an old champion, as much.
    ``unjudged``: the scores say what unjudged items would change. ``expected``: expected consumption of both, empty
    where it was not estimated; ``exposure``: of new releases, and what they have now; None without ages.
    """

    candidate: str
    champion: str
    policy: Policy
    test: Paired
    rivals: Sequence[str] = ()
    refresh: str = ""
    retrained: bool = False
    aged: str = ""
    theta_measured: bool = True
    unjudged: bool = True
    expected: Mapping[str, Any] = field(default_factory=dict)
    exposure: tuple[Comparison, float] | None = None


@dataclass(frozen=True)
class Weighed:
    """What came out: the effect, the candidate in each segment, and the checks that the scores answer."""

    comparison: Comparison
    slices: list[Slice]
    checks: list[Check]


def weigh(case: Case) -> Weighed:
    """Return what the scores say of a candidate; all comparisons are of one draw."""
    test, segments = case.test, segments_of(case.test)
    rivals = [*case.rivals, *([RETRAINED] if case.retrained else [])]
    asked = [Beside(case.candidate, name) for name in (case.champion, *rivals)]
    comparison, *found = test.compare_all([*asked, *asked_of(segments, case.candidate, case.champion)], case.policy)
    slices = slices_of(test, segments, case.candidate, case.champion, found[len(rivals) :])
    effect = _effect(case, comparison, dict(zip(rivals, found, strict=False)))
    refresh = effect[0].name == "no_worse_than_champion"
    may_lose = case.policy.refresh_margin if refresh else None
    bias = [] if case.theta_measured else [robust_to_position_bias(test, case.candidate, case.champion, may_lose)]
    checks = [
        enough_data(comparison, case.policy),
        *effect,
        *([no_segment_loses(slices, case.policy)] if slices else []),
        *([keeps_consumption(case.expected, case.policy)] if case.expected else []),
        *([keeps_new_releases(*case.exposure, case.policy)] if case.exposure else []),
        *bias,
        *([robust_to_unjudged(test, case.candidate, case.champion, may_lose)] if case.unjudged else []),
    ]
    return Weighed(comparison, slices, checks)


def _effect(case: Case, comparison: Comparison, against: dict[str, Comparison]) -> list[Check]:
    """Return the checks of one of two ways: proven better, or, where ``refresh`` says why that is enough, no worse."""
    policy = case.policy
    serving = "what serves now" if case.champion != "engine_order" else "what serves now, the engine's own order"
    better = superior("superior_to_champion", serving, comparison, policy.min_gain, policy)
    newer = bool(case.refresh) and better.outcome != "pass"
    checks = [no_worse("no_worse_than_champion", serving, comparison, policy, case.refresh) if newer else better]
    for name, found in against.items():
        if name == RETRAINED:
            checks.append(_beside_retrained(case, found))
        elif newer:
            checks.append(no_worse(f"no_worse_than_{name}", BASELINES[name], found, policy, "as a refresh"))
        else:
            checks.append(superior(f"beats_{name}", BASELINES.get(name, name), found, policy.baseline_margin, policy))
    return checks


def _beside_retrained(case: Case, found: Comparison) -> Check:
    """A better model gains more than newer days alone do. Beside an old champion it is enough to gain as much."""
    rival = "the champion's own recipe on the same days"
    better = superior(f"beats_{RETRAINED}", rival, found, case.policy.baseline_margin, case.policy)
    if better.outcome == "pass" or not case.aged:
        return better
    return no_worse(f"no_worse_than_{RETRAINED}", rival, found, case.policy, case.aged)
