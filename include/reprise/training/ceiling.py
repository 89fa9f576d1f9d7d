"""What retrieval leaves to any ranker: the best order of what is retrieved, beside the best of all that was wanted.

Over the test block, per search: Σ θ_k g of the k-th best item, with the measured θ and the judgments' g. What lies
between the two no reranking can win back; it is retrieval's to mend, and reranking is not to be blamed for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.training.counterfactual import VARIANT, curve, lists

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Plan

_NAMED = 10


def measure(plan: Plan, table: pa.Table, judgments: pa.Table, groups: pa.Table) -> dict[str, Any]:
    """Return ``reachable_share`` (None where nothing was consumed), and the queries that lose most to retrieval.

    Weighted by how often a query's results stood before a listener; of queries with anything consumed, as `featurize`
    asks no others. Queries of too few listeners are not named.
    """
    block = plan.block("test")[0]
    retrieved = {
        (group, item)
        for role, group, item, engine_rank in zip(
            *(table[name].to_pylist() for name in ("role", "query_group", "item", "engine_rank")), strict=True
        )
        if role == "test" and engine_rank
    }
    wanted: dict[str, list[tuple[float, bool]]] = {}
    consumed: set[str] = set()
    fields = ("theta_variant", "block", "query_group", "item", "g", "utility_sum")
    for variant, where, group, item, g, utility in zip(*(judgments[name].to_pylist() for name in fields), strict=True):
        if variant == VARIANT and where == block.name:
            wanted.setdefault(group, []).append((g, (group, item) in retrieved))
            consumed |= {group} if utility > 0 else set()
    names, theta = sorted(consumed), curve(plan)
    searches = lists(block, names, groups)
    whole = np.array([_best([g for g, _ in wanted[name]], theta) for name in names])
    within = np.array([_best([g for g, there in wanted[name] if there], theta) for name in names])
    total = float(searches @ whole)
    users = {row["query_group"]: row for row in groups.to_pylist() if row["block"] == block.name}
    fewest, lost = plan.deployment.logs.privacy.min_users_per_query, searches * (whole - within)
    worst = [n for n in np.argsort(-lost, kind="stable") if lost[n] > 0 and users[names[n]]["users"] >= fewest]
    return {
        "reachable_share": float(searches @ within) / total if total > 0 else None,
        "rerank_docs": plan.deployment.solr.request.rerank_docs,
        "lost": [
            {
                "query": users[names[n]]["query"],
                "searches": int(users[names[n]]["searches"]),
                "lost_share": float(1 - within[n] / whole[n]),
                "of_all_lost": float(lost[n] / lost.sum()),
                "items": sum(not there for _, there in wanted[names[n]]),
            }
            for n in worst[:_NAMED]
        ],
    }


def _best(worth: list[float], theta: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    first = np.sort(worth)[::-1][: len(theta)]
    return float(first @ theta[: len(first)])
