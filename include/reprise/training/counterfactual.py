"""What each model would have brought in the test block: expected consumption per search, beside its metrics.

g comes from the training blocks, what was consumed from the test block. Reported, with how far the logs can speak for
the model; it decides nothing yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.metrics.expected import Expected, Logged, expected_consumption

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from reprise.plan import Block, Plan

#: Under which measured curve, and what a pair that no training block showed is worth.
VARIANT, UNJUDGED = "measured", "prior"
#: Engine ranks up to these share a prior, with the weight of so many looks at an average item.
_BANDS, _BAND_WEIGHT = (1, 2, 3, 5, 10, 20, 50), 20.0


def metric_name(positions: int) -> str:
    """Return the name in the scores table: the doubly robust estimate over so many places."""
    return f"expected_consumption_at_{positions}"


def estimates(
    plan: Plan,
    rows: pa.Table,
    codes: npt.NDArray[np.int64],
    searches: npt.NDArray[np.float64],
    judgments: pa.Table,
    models: Mapping[str, npt.NDArray[Any]],
) -> dict[str, Expected]:
    """Return model → estimates for the test block's candidate ``rows``; ``searches`` has one number per code."""
    logged = _logged(plan, rows, searches, judgments)
    retrieved = rows["engine_rank"].to_numpy() > 0
    theta, most = curve(plan), plan.deployment.gate.policy.max_hole_rate
    found = {model: np.where(retrieved, scored.astype(float), -np.inf) for model, scored in models.items()}
    return {
        model: expected_consumption(codes, scored, logged, theta, max_hole_rate=most) for model, scored in found.items()
    }


def lists(block: Block, names: Sequence[str], groups: pa.Table) -> npt.NDArray[np.float64]:
    """Return how often each query group's results stood before a listener in the block, in the order of ``names``.

    Displayed prefixes count by their weight, as they do in what was consumed.
    """
    known = {row["query_group"]: row["lists"] or 0.0 for row in groups.to_pylist() if row["block"] == block.name}
    return np.array([known.get(name, 0.0) for name in names], float)


def facts(found: Mapping[str, Expected], searches: npt.NDArray[np.float64]) -> dict[str, dict[str, Any]]:
    """Return, model by model, the estimates over all searches, their clip curve and the support, as plain JSON."""

    def overall(values: npt.NDArray[np.float64]) -> float | None:
        counts = ~np.isnan(values)
        total = searches[counts].sum()
        return float(values[counts] @ searches[counts] / total) if total > 0 else None

    return {
        model: {
            "doubly_robust": overall(one.doubly_robust),
            "direct": overall(one.direct),
            "ips": overall(one.ips),
            "snips": None if np.isnan(one.snips) else one.snips,
            "clip_curve": one.clip_curve,
            "hole_rate": None if np.isnan(one.support.hole_rate) else one.support.hole_rate,
            "effective_impressions": one.support.effective_impressions,
            "impressions": one.support.impressions,
            "inconclusive": one.support.reason,
        }
        for model, one in found.items()
    }


def learned_worth(
    consumed: npt.NDArray[np.float64],
    examined: npt.NDArray[np.float64],
    engine_rank: npt.NDArray[np.int64],
    mean: float,
    prior_weight: float,
) -> npt.NDArray[np.float64]:
    """Return g of each row, 0..1: what was consumed when looked at, shrunk to what items of its engine rank are worth.

    What was seldom or never shown is mostly the prior, and a ranking that brings up such items would be praised for the
    mean of all others if that were it (simulated: by 5 % of its consumption). ``mean`` is that of all, to which ranks
    with little evidence are shrunk in turn.
    """
    band = np.searchsorted(_BANDS, np.where(engine_rank > 0, engine_rank, np.iinfo(np.int64).max))
    count = len(_BANDS) + 1
    by_band = (np.bincount(band, weights=consumed, minlength=count) + _BAND_WEIGHT * mean) / (
        np.bincount(band, weights=examined, minlength=count) + _BAND_WEIGHT
    )
    prior, evidence = by_band[band], examined + prior_weight
    g = np.divide(consumed + prior_weight * prior, evidence, out=prior.copy(), where=evidence > 0)
    clipped: npt.NDArray[np.float64] = np.clip(g, 0.0, 1.0)
    return clipped


def _logged(plan: Plan, rows: pa.Table, searches: npt.NDArray[np.float64], judgments: pa.Table) -> Logged:
    """Return what the test block's judgments say of each row, and g as the training blocks have it."""
    roles = {block.name: block.role for block in plan.blocks}
    keys = list(zip(rows["query_group"].to_pylist(), rows["item"].to_pylist(), strict=True))
    index = {key: place for place, key in enumerate(keys)}
    sums = {role: np.zeros((len(keys), 3)) for role in ("train", "test")}
    total = np.zeros(2)  # consumed and examined in the training blocks, whether or not the row is here
    names = (
        "theta_variant", "block", "query_group", "item", "trust_sum", "utility_sum", "examination_sum", "impressions",
    )  # fmt: skip
    columns = (judgments[name].to_pylist() for name in names)
    for variant, block, group, item, trust, *values in zip(*columns, strict=True):
        role = roles.get(block)
        if variant != VARIANT or role not in sums:
            continue
        values[0] -= trust or 0.0
        if role == "train":
            total += values[:2]
        if (group, item) in index:
            sums[role][index[group, item]] += values
    consumed, examined, _ = sums["train"].T
    mean = total[0] / total[1] if total[1] > 0 else 0.0
    g = learned_worth(
        consumed, examined, rows["engine_rank"].to_numpy(), mean, plan.deployment.gate.judging.prior_weight
    )
    utility, examination, impressions = sums["test"].T
    return Logged(utility, examination, impressions, g, searches)


def curve(plan: Plan) -> npt.NDArray[np.float64]:
    """Return the run's measured θ by position, of all surfaces."""
    rows = plan.open_lake().read("propensities", plan.judgments_version, [plan.partition]).to_pylist()
    mine = [row for row in rows if row["theta_variant"] == VARIANT and not row["surface"]]
    return np.array([row["theta"] for row in sorted(mine, key=lambda row: row["position"])], float)
