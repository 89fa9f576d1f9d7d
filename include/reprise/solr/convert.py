"""LightGBM and linear models as Solr Learning To Rank models, exactly or not at all.

Solr adds 1e-6 to every threshold, reads thresholds as text and weights as numbers, and has no categorical split, no
branch for missing values (before 9.2), no intercept. What cannot be expressed one-to-one is refused with a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError
from reprise.solr.numbers import float_text, solr_threshold
from reprise.solr.score import LINEAR, TREES

INTERCEPT = "intercept"
_FEATURE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")


@dataclass(frozen=True)
class InexactSplit:
    """A split that float32 cannot place exactly: values in ``(low, high]`` go right in Solr, left in LightGBM."""

    feature: str
    low: float
    high: float


@dataclass(frozen=True)
class TreesExport:
    """A Solr model without ``name`` and ``store``, and the splits whose threshold could not be met exactly."""

    model: dict[str, Any]
    inexact: tuple[InexactSplit, ...] = ()

    def misrouted(self, features: npt.ArrayLike, names: Sequence[str]) -> int:
        """Return how many rows hold a value that an inexact split sends the other way; 0 means no row does."""
        values = np.asarray(features, dtype=np.float32)
        columns = {name: column for column, name in enumerate(names)}
        wrong = np.zeros(len(values), dtype=bool)
        for split in self.inexact:
            column = values[:, columns[split.feature]]
            wrong |= (column > np.float32(split.low)) & (column <= np.float32(split.high))
        return int(wrong.sum())


@dataclass(frozen=True)
class LinearExport:
    """A Solr model without ``name`` and ``store``, and the feature-store entries it needs beyond the caller's own."""

    model: dict[str, Any]
    extra_features: list[dict[str, Any]] = field(default_factory=list)


def convert_lightgbm(text: str) -> TreesExport:
    """Return the Solr model of a LightGBM text model (``Booster.model_to_string``); it yields the raw score.

    An objective's link (logistic, log) is not applied: it is monotone, so the order is the same. Splits on
    categories, linear leaves, averaged (random forest) output, several classes, and any treatment of missing
    values other than "NaN counts as 0" are UsageErrors.
    """
    dump = _dump(text)
    _refuse_shape(dump)
    names = [_checked_name(name) for name in dump["feature_names"]]
    inexact: dict[InexactSplit, None] = {}
    trees = []
    for info in dump["tree_info"]:
        root = _node(info["tree_structure"], names, lambda split: inexact.setdefault(split))
        trees.append({"weight": "1", "root": root})
    model = {"class": TREES, "features": [{"name": name} for name in names], "params": {"trees": trees}}
    return TreesExport(model=model, inexact=tuple(inexact))


def convert_linear(
    weights: Mapping[str, float],
    intercept: float = 0.0,
    means: Mapping[str, float] | None = None,
    deviations: Mapping[str, float] | None = None,
) -> LinearExport:
    """Return the Solr model of ``intercept + Σ weight·(value − mean)/deviation``, standardisation folded in.

    A deviation of 0 marks a constant feature: its weight becomes 0, as Spark's StandardScaler makes its value 0.
    Solr has no intercept: one that is not 0 is the weight of an extra feature that is always 1.
    """
    if not weights:
        raise UsageError("a linear model without weights", "train on at least one feature")
    if INTERCEPT in weights:
        raise UsageError(f"a feature is named {INTERCEPT!r}", "rename it: the name stands for the model's constant")
    folded: dict[str, float] = {}
    constant = float(intercept)
    for name, weight in weights.items():
        deviation = 1.0 if deviations is None else float(deviations[name])
        slope = float(weight) / deviation if deviation else 0.0
        constant -= slope * (0.0 if means is None else float(means[name]))
        folded[_checked_name(name)] = slope
    extra: list[dict[str, Any]] = []
    if constant:
        folded[INTERCEPT] = constant
        extra = [{"name": INTERCEPT, "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 1}}]
    numbers = {name: float(float_text(value)) for name, value in folded.items()}
    model = {"class": LINEAR, "features": [{"name": name} for name in folded], "params": {"weights": numbers}}
    return LinearExport(model=model, extra_features=extra)


def _dump(text: str) -> dict[str, Any]:
    import lightgbm

    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise UsageError(f"not a LightGBM text model: {error}", "give what Booster.save_model wrote") from None
    return dict(booster.dump_model())


def _refuse_shape(dump: Mapping[str, Any]) -> None:
    if dump["num_class"] > 1 or dump["num_tree_per_iteration"] > 1:
        raise UsageError(f"a model of {dump['num_class']} classes has no single score", "train a ranker or regressor")
    if dump["average_output"]:
        raise UsageError("a random forest averages its trees, Solr adds them", "train with boosting=gbdt")
    if not dump["tree_info"]:
        raise UsageError("the model has no trees", "train for at least one round")


def _checked_name(name: str) -> str:
    if not _FEATURE_NAME.fullmatch(name):
        raise UsageError(f"the feature name {name!r} cannot stand in Solr's log", "use letters, digits and _ . -")
    return name


def _node(node: Mapping[str, Any], names: Sequence[str], note: Callable[[InexactSplit], object]) -> dict[str, Any]:
    """Return one node and all below it in Solr's form; ``note`` is told of splits that cannot be exact."""
    if "leaf_coeff" in node:
        raise UsageError("a leaf holds a linear model (linear_tree)", "train with linear_tree=false")
    if "split_feature" not in node:
        return {"value": float_text(node["leaf_value"])}
    name = names[node["split_feature"]]
    if node["decision_type"] != "<=":
        raise UsageError(f"{name!r} is split by category, which Solr cannot", "encode it as numbers before training")
    if node["missing_type"] == "NaN":
        raise UsageError(
            f"a split on {name!r} treats missing values apart", "fill them and train with use_missing=false"
        )
    if node["missing_type"] == "Zero":
        raise UsageError(f"a split on {name!r} takes 0 as missing", "train with zero_as_missing=false")
    written, effective, wanted = solr_threshold(float(node["threshold"]))
    if effective != wanted:
        note(InexactSplit(feature=name, low=float(effective), high=float(wanted)))
    return {
        "feature": name,
        "threshold": float_text(written),
        "left": _node(node["left_child"], names, note),
        "right": _node(node["right_child"], names, note),
    }
