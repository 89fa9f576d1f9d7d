"""Declared metrics, their means, and how sure one may be of a difference: numpy only, no stage, no engine.

A metric is a value object: equal settings are equal metrics, and its ``name`` is the same in the scores table,
in MLflow and in the gate report.
"""

from reprise.metrics.means import Means, means
from reprise.metrics.ndcg import Discount, Ndcg, consumption_ndcg
from reprise.metrics.significance import Comparison, compare, effective_n
from reprise.metrics.unjudged import UNJUDGED_POLICIES, Unjudged, resolve_unjudged

__all__ = [
    "UNJUDGED_POLICIES", "Comparison", "Discount", "Means", "Ndcg", "Unjudged",
    "compare", "consumption_ndcg", "effective_n", "means", "resolve_unjudged",
]  # fmt: skip
