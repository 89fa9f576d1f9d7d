"""How each model orders what experts graded: NDCG on the queries whose grades test, and never teach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.experts.grades import median
from reprise.experts.merge import group_of
from reprise.experts.store import imported
from reprise.metrics import Ndcg

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from reprise.plan import Plan

METRIC = Ndcg(10, gain="linear")
NAME = f"expert_{METRIC.name}"


def values(
    plan: Plan, rows: pa.Table, codes: npt.NDArray[np.int64], queries: int, models: Mapping[str, npt.NDArray[Any]]
) -> dict[str, npt.NDArray[np.float64]]:
    """Return model → NDCG of graded items by query code, NaN where a query has none; nothing where nobody graded.

    ``rows`` are the test block's candidates. Of several graders the median counts; ungraded items leave the list.
    """
    given: dict[tuple[str, str], list[int]] = {}
    grades = [grade for grade in imported(plan.open_lake()) if grade.purpose == "test"]
    if not grades:
        return {}
    decided = plan.open_lake().read("query_variants", plan.judgments_version, [plan.partition]).to_pylist()
    apart = {row["q"]: row["query_group"] for row in decided if not row["pooled"]}
    for grade in grades:
        given.setdefault((group_of(grade, apart), grade.item), []).append(grade.grade)
    pairs = zip(rows["query_group"].to_pylist(), rows["item"].to_pylist(), strict=True)
    gains = np.array([median(given[pair]) if pair in given else np.nan for pair in pairs], float)
    graded = ~np.isnan(gains)
    return {
        model: METRIC.per_query(codes[graded], scored[graded].astype(float), gains[graded], queries)
        for model, scored in models.items()
    }
