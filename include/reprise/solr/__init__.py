"""Solr and its Learning To Rank plugin: client, converter, exact scorer, version table. Knows no stage."""

from reprise.solr.blend import blend
from reprise.solr.client import FeatureLog, SolrClient
from reprise.solr.convert import (
    InexactSplit,
    LinearExport,
    TreesExport,
    convert_lightgbm,
    convert_linear,
    convert_ranklib,
    convert_spark,
    convert_xgboost,
)
from reprise.solr.core import as_data
from reprise.solr.score import score
from reprise.solr.versions import Capabilities, capabilities

__all__ = [
    "Capabilities",
    "FeatureLog",
    "InexactSplit",
    "LinearExport",
    "SolrClient",
    "TreesExport",
    "as_data",
    "blend",
    "capabilities",
    "convert_lightgbm",
    "convert_linear",
    "convert_ranklib",
    "convert_spark",
    "convert_xgboost",
    "score",
]
