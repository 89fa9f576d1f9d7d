"""Declared metrics, their means, and how sure one may be of a difference: numpy only, no stage, no engine.

A metric is a value object: equal settings are equal metrics, and its ``name`` is the same in the scores table,
in MLflow and in the gate report.
"""

from reprise.metrics.coverage import AllZero, Judged, Rmse
from reprise.metrics.means import Means, means
from reprise.metrics.ndcg import Discount, Gain, Ndcg, consumption_ndcg
from reprise.metrics.ranking import Empty, Metric
from reprise.metrics.relevance import AveragePrecision, Precision, Recall, ReciprocalRank, Success
from reprise.metrics.repeated import RepeatedNdcg
from reprise.metrics.significance import Comparison, compare, compare_all, effective_n
from reprise.metrics.stopping import Err, Rbp
from reprise.metrics.unjudged import UNJUDGED_POLICIES, Unjudged, resolve_unjudged

__all__ = [
    "UNJUDGED_POLICIES",
    "AllZero",
    "AveragePrecision",
    "Comparison",
    "Discount",
    "Empty",
    "Err",
    "Gain",
    "Judged",
    "Means",
    "Metric",
    "Ndcg",
    "Precision",
    "Rbp",
    "Recall",
    "ReciprocalRank",
    "RepeatedNdcg",
    "Rmse",
    "Success",
    "Unjudged",
    "compare",
    "compare_all",
    "consumption_ndcg",
    "effective_n",
    "means",
    "resolve_unjudged",
]
