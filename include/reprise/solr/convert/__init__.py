"""Models of usual libraries as Solr Learning To Rank models, exactly or not at all.

Solr adds 1e-6 to every threshold, reads thresholds as text and weights as numbers, and has no categorical split, no
branch for missing values (before 9.2), no intercept. What cannot be expressed one-to-one is refused with a reason.
"""

from reprise.solr.convert.lightgbm import convert_lightgbm
from reprise.solr.convert.linear import INTERCEPT, LinearExport, convert_linear
from reprise.solr.convert.ranklib import convert_ranklib
from reprise.solr.convert.spark_ml import convert_spark
from reprise.solr.convert.trees import InexactSplit, TreesExport
from reprise.solr.convert.xgboost import convert_xgboost

__all__ = [
    "INTERCEPT",
    "InexactSplit",
    "LinearExport",
    "TreesExport",
    "convert_lightgbm",
    "convert_linear",
    "convert_ranklib",
    "convert_spark",
    "convert_xgboost",
]
