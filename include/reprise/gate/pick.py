"""Which candidate is tested: the best on validation queries that had no say in any, or one far cheaper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reprise.gate.paired import Beside, Paired, paired
from reprise.lake import Lake
from reprise.metrics import Means
from reprise.plan import Plan
from reprise.settings.gate import Policy
from reprise.training.dropped import learned
from reprise.training.tuning.split import choices_made, kept_groups

_FAR = 10


@dataclass(frozen=True)
class Pick:
    """``queries``: those that decided, of ``of`` validation queries that count; fewer where others made choices before.

    By family: ``values``, the metric on those; ``behind``, by how much ``best`` is better there, and ``errors``, the
    paired standard error of that; ``steps``, what scoring a document takes.
    """

    family: str
    best: str
    queries: int
    of: int
    values: dict[str, float]
    behind: dict[str, float]
    errors: dict[str, float]
    steps: dict[str, float]
    words: str = ""


def pick(plan: Plan, lake: Lake, validation: Paired) -> Pick:
    """Return the family of a run that the gate tests.

    Where settings were searched for, one far cheaper may be ``policy.simpler_within`` errors behind the best.
    """
    gate, families = plan.deployment.gate, learned(plan)
    within = gate.policy.simpler_within if choices_made(gate, plan.families) else 0.0
    scores = lake.published("scores", plan.models_version, plan.partition)
    steps = scores.facts.get("steps", {}) if scores else {}
    held, of = undecided(plan, lake, validation), _counting(validation, families)
    found = best_of(held, families, steps, gate.policy, within)
    return replace(found, of=of, words=_words(replace(found, of=of)))


def undecided(plan: Plan, lake: Lake, validation: Paired) -> Paired:
    """Return the validation queries that families may be compared on.

    Where anything of a family was looked for on validation, those that were kept from it; of so few that none of them
    counts, all.
    """
    gate = plan.deployment.gate
    if not choices_made(gate, plan.families):
        return validation
    columns = ["block", "query_group", "role", "traffic"]
    table = lake.read("training_set", plan.training_version, [plan.partition], columns)
    kept = validation.where(np.isin(validation.queries, kept_groups(table, gate.tuning)))
    return kept if _counting(kept, learned(plan)) else validation


def figures(plan: Plan) -> dict[str, Means]:
    """Return the means of every model of a run on the validation queries that families are compared on."""
    lake = plan.open_lake()
    validation = paired(lake.read("scores", plan.models_version, [plan.partition]), "validation")
    held = undecided(plan, lake, validation)
    return {model: held.mean(model) for model in sorted(held.models)}


def best_of(held: Paired, families: Sequence[str], steps: Mapping[str, float], policy: Policy, within: float) -> Pick:
    """Return the best of the families by queries that had no say in any, or the cheapest that is as good.

    As good: at most ``within`` paired standard errors behind, at a tenth of the cost or less.
    """
    values = {name: held.mean(name).traffic_weighted for name in families}
    best = max(values, key=lambda name: (np.nan_to_num(values[name], nan=-1.0), name))
    others = [name for name in families if name != best]
    apart = dict(zip(others, held.compare_all([Beside(best, name) for name in others], policy), strict=True))
    itself = values[best] - values[best]  # 0, or not known
    behind = {name: apart[name].difference if name in apart else itself for name in families}
    errors = {name: apart[name].standard_error if name in apart else itself for name in families}
    # Where hardly anything counts no error is known, and nothing is as good as the best.
    as_good = [name for name in families if behind[name] <= within * errors[name] and _far_cheaper(steps, name, best)]
    family = min(as_good, key=lambda name: (steps[name], behind[name]), default=best)
    counted = _counting(held, families)
    picked = Pick(family, best, counted, counted, values, behind, errors, dict(steps))
    return replace(picked, words=_words(picked))


def _far_cheaper(steps: Mapping[str, float], name: str, best: str) -> bool:
    """Return whether a family is of another order of cost; small differences do not say which is the simpler."""
    return name in steps and best in steps and _FAR * steps[name] <= steps[best]


def _counting(some: Paired, families: Sequence[str]) -> int:
    """Return how many queries have a value for every family."""
    return int(np.sum(~np.any([np.isnan(some.of(name)) for name in families], axis=0)))


def _words(found: Pick) -> str:
    fresh = found.queries < found.of
    on = f"{found.queries} of {found.of} validation queries, those that no search for settings saw"
    said = (
        f"{found.family}: {found.values[found.family]:.4f} on {on if fresh else f'all {found.of} validation queries'}"
    )
    if len(found.values) == 1:
        return said
    if found.family == found.best:
        return f"{said}; the best of {len(found.values)} families"
    lost, error = found.behind[found.family], found.errors[found.family]
    return (
        f"{said}; {found.best} is better there by {lost:.4f} ± {error:.4f}, too little to tell them apart, and dearer: "
        f"{found.steps[found.best]:,.0f} steps for each document, not {found.steps[found.family]:,.0f}"
    )
