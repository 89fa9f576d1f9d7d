"""What each query of a block is like, as far as segments ask: how long, and what its listeners wanted most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise.features.catalogue import ages

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Block, Plan

PLACES = 10
EXPOSURE = f"new_release_exposure_at_{PLACES}"  # as the scores name it
#: Up to so many letters → how a report names it; what a listener typed so far is often a prefix.
_LENGTHS = ((3, "1 to 3 letters"), (6, "4 to 6 letters"), (10**9, "7 letters or more"))


def labels(
    plan: Plan, block: Block, rows: pa.Table, judgments: pa.Table, texts: list[str], groups: list[str]
) -> dict[str, list[str | None]]:
    """Return length, item type and release of each of ``groups``, whose texts are ``texts``, in their order.

    Type (what stands before the colon of its id) and release (new or older) are those of the item that was consumed
    most in the block; None where nothing was, and where no feature has an item's age.
    """
    wanted = _most_wanted(judgments, block)
    return {
        "length": [next(name for most, name in _LENGTHS if len(text.strip()) <= most) for text in texts],
        "item_type": [wanted[g].split(":")[0] if g in wanted and ":" in wanted[g] else None for g in groups],
        "release": _releases(plan, rows, wanted, groups),
    }


def _most_wanted(judgments: pa.Table, block: Block) -> dict[str, str]:
    import pyarrow.compute as pc

    mine = judgments.filter((pc.field("block") == block.name) & (pc.field("utility_sum") > 0))
    order = [("utility_sum", "ascending"), ("item", "descending")]
    mine = mine.select(["query_group", "item", "utility_sum"]).sort_by(order)
    return dict(zip(mine["query_group"].to_pylist(), mine["item"].to_pylist(), strict=True))


def _releases(plan: Plan, rows: pa.Table, wanted: dict[str, str], groups: list[str]) -> list[str | None]:
    age = next(iter(ages(plan.deployment.solr)), "")
    if age not in rows.column_names:
        return [None] * len(groups)
    new = rows[age].to_numpy() <= plan.deployment.gate.tuning.new_days
    pairs = zip(rows["query_group"].to_pylist(), rows["item"].to_pylist(), strict=True)
    known = {pair: "new release" if one else "older" for pair, one in zip(pairs, new.tolist(), strict=True)}
    return [known.get((group, wanted[group])) if group in wanted else None for group in groups]


def new_release_exposure(
    plan: Plan,
    rows: pa.Table,
    codes: npt.NDArray[np.int64],
    scores: npt.NDArray[Any],
    queries: int,
    theta: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64] | None:
    """Return by query what share of listeners' looks at the first ten places goes to new releases; NaN without any.

    None where no feature has an item's age. ``theta``: how likely each place is looked at.
    """
    from reprise.metrics.ranking import rank

    age = next(iter(ages(plan.deployment.solr)), "")
    if age not in rows.column_names:
        return None
    new = rows[age].to_numpy() <= plan.deployment.gate.tuning.new_days
    retrieved = rows["engine_rank"].to_numpy() > 0
    ordered = rank(codes, np.where(retrieved, scores.astype(float), -np.inf), queries)
    looks = ordered.exposure(theta[:PLACES], len(codes))
    total = np.bincount(codes, weights=looks, minlength=queries)
    with np.errstate(invalid="ignore"):
        return np.bincount(codes, weights=looks * new, minlength=queries) / np.where(total > 0, total, np.nan)
