"""What kind of ranker a training set suits: how many rows and zeros, how skewed, how far from a weighted sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reprise.gate.paired import Paired
from reprise.metrics import Comparison
from reprise.training.dropped import learned
from reprise.training.losses import LOSSES

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Plan

_MANY = 0.5
_SKEWED = 1.0
_FEW_QUERIES = 1000


@dataclass(frozen=True)
class Suits:
    """``zeros``: share of judged training rows under the first grade cut; ``skew``: of g of the others.

    ``nonlinear``: the best family of trees minus the best weighted sum, each best on validation, and there; None where
    the run has not both. ``ranking``: the pairwise weighted sum minus the best that regresses g, likewise.
    """

    queries: int
    rows: int
    zeros: float
    skew: float
    nonlinear: tuple[str, str, Comparison] | None
    ranking: tuple[str, str, Comparison] | None
    words: list[str]


def suits(table: pa.Table, validation: Paired, plan: Plan) -> Suits:
    """Return what a run's training rows and its families' validation values say; the test block has no part in it."""
    import pyarrow.compute as pc
    from scipy.stats import skew

    rows = table.filter(pc.and_(pc.equal(table["role"], "train"), table["judged"]))
    g = rows["g"].to_numpy().astype(float)
    zero = g < plan.deployment.gate.judging.grade_cuts[0]
    queries = pc.count_distinct(rows["query_group"]).as_py()
    sums = [name for name in learned(plan) if name in LOSSES]
    trees = [name for name in learned(plan) if name not in LOSSES]
    regressions = [name for name in sums if LOSSES[name].link != "order"]
    orders = [name for name in sums if LOSSES[name].link == "order"]
    found = {
        "zeros": float(zero.mean()) if len(g) else 0.0,
        "skew": float(skew(g[~zero])) if (~zero).sum() > 2 and np.ptp(g[~zero]) else 0.0,
    }
    nonlinear, ranking = _apart(validation, trees, sums, plan), _apart(validation, orders, regressions, plan)
    words = [_size(queries, len(g)), _labels(**found), _shape(nonlinear), *_aims(ranking)]
    return Suits(queries, len(g), found["zeros"], found["skew"], nonlinear, ranking, words)


def _apart(validation: Paired, some: list[str], others: list[str], plan: Plan) -> tuple[str, str, Comparison] | None:
    if not some or not others:
        return None
    first, second = (max(names, key=lambda name: validation.mean(name).traffic_weighted) for names in (some, others))
    return first, second, validation.compare(first, second, plan.deployment.gate.policy)


def _size(queries: int, rows: int) -> str:
    said = f"{queries:,} queries with {rows:,} judged rows teach."
    if queries < _FEW_QUERIES:
        return f"{said} That is little: weighted sums and small trees hold up, large ones learn by heart."
    return f"{said} That carries trees of usual size."


def _labels(zeros: float, skew: float) -> str:
    said = f"{zeros:.0%} of the judged rows are worth next to nothing, and the others are skewed by {skew:.1f}."
    if zeros > _MANY:
        return (
            f"{said} Squared error spends itself on telling zeros from zeros: rank (lambdamart, pairwise), or tweedie."
        )
    if skew > _SKEWED:
        return f"{said} A long tail: poisson, gamma or tweedie (log link) let few high values weigh less."
    return f"{said} Squared error has nothing against it."


def _shape(found: tuple[str, str, Comparison] | None) -> str:
    if found is None:
        return "Whether trees are needed is not known: train one family of trees and one weighted sum side by side."
    trees, sums, apart = found
    said = f"{trees} minus {sums} on validation: {apart.difference:+.3f} ({apart.lower:+.3f} to {apart.upper:+.3f})."
    if apart.lower > 0:
        return f"{said} There is something that no weighted sum of these features says: trees."
    if apart.upper < 0:
        return f"{said} Trees are worse here than a weighted sum, which is also cheaper and easier to read."
    return f"{said} Trees are not proven better: where in doubt the weighted sum, which is cheaper and easier to read."


def _aims(found: tuple[str, str, Comparison] | None) -> list[str]:
    if found is None:
        return []
    order, regression, apart = found
    said = f"{order} minus {regression}: {apart.difference:+.3f} ({apart.lower:+.3f} to {apart.upper:+.3f})."
    if apart.lower > 0:
        return [f"{said} Learning the order beats learning g."]
    if apart.upper < 0:
        return [f"{said} Learning g beats learning the order."]
    return [f"{said} Whether g or the order is learned makes no difference that these queries could show."]
