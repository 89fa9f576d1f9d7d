"""XGBoost's trees, and its linear booster: the JSON that ``Booster.save_model`` writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reprise.errors import UsageError
from reprise.solr.convert.damage import whole
from reprise.solr.convert.linear import LinearExport, convert_linear
from reprise.solr.convert.names import chosen
from reprise.solr.convert.trees import Grove, Node, TreesExport, grown

# How an objective turns its base score, kept as what the model predicts, into a margin.
_LOGIT = ("reg:logistic", "binary:logistic")
_LOG = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft")
_AS_IT_IS = (
    "reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror",
    "reg:quantileerror", "binary:hinge", "binary:logitraw", "rank:pairwise", "rank:ndcg", "rank:map",
)  # fmt: skip


def convert_xgboost(text: str, names: Sequence[str] | None = None) -> TreesExport | LinearExport:
    """Return the Solr model of an XGBoost JSON model; it yields the margin, base score included.

    XGBoost goes left where ``x < t``, in float32: that is ``x <= `` the float32 below t. It adds float32 to the base
    score, tree by tree, as Solr does after a first tree that is the base score: scores equal the margin bit for bit.
    The branch for missing values is left out, as Solr's vectors have none: a feature without a value has its default.
    So a model trained with zeros as missing (an SVMlight file, a sparse matrix) is not what it was. Splits on
    categories, several classes or targets are UsageErrors.
    """
    with whole("XGBoost JSON model", "give what save_model('x.json') wrote"):
        learner = json.loads(text)["learner"]
        _refuse_shape(learner["learner_model_param"])
        count = int(learner["learner_model_param"]["num_feature"])
        own = chosen(names, learner.get("feature_names", []), count)
        booster, base = learner["gradient_booster"], _base_margin(learner)
        if booster["name"] == "gblinear":
            return _linear(booster["model"]["weights"], own, base)
        weights = booster.get("weight_drop")  # dart
        model = booster["gbtree"]["model"] if "gbtree" in booster else booster["model"]
        grove = Grove(own)
        if base:
            grove.add(grove.leaf(base))
        for number, tree in enumerate(model["trees"]):
            grove.add(_root(tree, grove), float(np.float32(weights[number])) if weights else 1.0)
    return grove.export()


def _refuse_shape(shape: Mapping[str, str]) -> None:
    if int(shape.get("num_class", "0")) > 1 or int(shape.get("num_target", "1")) > 1:
        raise UsageError("a model of several classes or targets has no single score", "train a ranker or regressor")


def _base_margin(learner: Mapping[str, Any]) -> float:
    """Return the base score as a margin, in float32 as XGBoost does; it is one number, in a list since XGBoost 3.1."""
    score, one = np.float32(learner["learner_model_param"]["base_score"].strip("[]")), np.float32(1)
    objective = learner["objective"]["name"]
    if objective in _LOGIT:
        return -math.log(one / score - one)
    if objective in _LOG:
        return math.log(score)
    if objective not in _AS_IT_IS:
        raise UsageError(f"the objective {objective!r} is not known", "save a model of one of XGBoost's own objectives")
    return float(score)


def _linear(weights: Sequence[float], names: Sequence[str], base: float) -> LinearExport:
    if len(weights) != len(names) + 1:
        raise UsageError("a linear booster with several outputs has no single score", "train a ranker or regressor")
    return convert_linear(dict(zip(names, weights[:-1], strict=True)), weights[-1] + base)


def _root(tree: Mapping[str, Any], grove: Grove) -> Node:
    rows: dict[int, tuple[int, float, int, int] | float] = {}
    columns = ("left_children", "right_children", "split_indices", "split_conditions", "split_type")
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise UsageError("a leaf holds several values", "train one tree for each output")
    for number, (left, right, feature, condition, kind) in enumerate(zip(*(tree[c] for c in columns), strict=True)):
        if left == -1:
            rows[number] = float(condition)
            continue
        if kind:
            raise UsageError(
                f"{grove.names[feature]!r} is split by category, which Solr cannot",
                "encode it as numbers before training",
            )
        with np.errstate(over="ignore"):
            below = np.nextafter(np.float32(condition), np.float32(-np.inf))
        rows[number] = (feature, float(below), left, right)
    return grown(grove, rows, 0)
