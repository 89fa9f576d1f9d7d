"""Saved Spark ML models, linear and trees, alone or behind a pipeline's VectorAssembler and StandardScaler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import UsageError
from reprise.solr.convert.damage import whole
from reprise.solr.convert.linear import LinearExport, convert_linear
from reprise.solr.convert.names import chosen
from reprise.solr.convert.spark_files import Doubles, Saved, matrix, read_saved, vector
from reprise.solr.convert.trees import Grove, Row, TreesExport, grown
from reprise.solr.numbers import last_float

_BOOSTED = ("GBTRegressionModel", "GBTClassificationModel")
_FORESTS = ("RandomForestRegressionModel", "RandomForestClassificationModel")
_LONE = ("DecisionTreeRegressionModel", "DecisionTreeClassificationModel")
_RISING = ("identity", "log", "logit", "probit", "cloglog")  # links whose mean grows with the linear predictor


@dataclass(frozen=True)
class _Scaling:
    """``(value − mean) / deviation`` for each feature; a deviation of 0 makes the feature 0, as in Spark."""

    mean: Doubles
    deviation: Doubles


def convert_spark(folder: Path, names: Sequence[str] | None = None) -> TreesExport | LinearExport:
    """Return the Solr model of a saved Spark ML model, or of a saved pipeline that ends in one.

    Regressions, logistic regressions and support vectors of two classes give the linear predictor (the margin, without
    link and offset), boosted trees their sum, forests their mean; a classifier's forest gives the probability of class
    1. A pipeline's VectorAssembler names the features; without one they are those given, else f0, f1, …; its
    StandardScaler is folded in. Splits on categories, links that fall or turn, several classes and other stages are
    UsageErrors.
    """
    saved = read_saved(folder)
    with whole(f"Spark ML model in {folder}", "copy the whole folder anew"):
        if saved.kind != "PipelineModel":
            return _convert(saved, names, [], None)
        stages = saved.stages()
        if not stages:
            raise UsageError(f"the pipeline {folder} has no stages", "save the one that ends in a model")
        own, scaling = _inputs(stages[:-1])
        return _convert(stages[-1], names, own, scaling)


def _convert(
    saved: Saved, given: Sequence[str] | None, own: Sequence[str], scaling: _Scaling | None
) -> TreesExport | LinearExport:
    if saved.kind in (*_BOOSTED, *_FORESTS, *_LONE):
        names = chosen(given, own, int(saved.metadata["numFeatures"]))
        return _convert_trees(saved, names, scaling)
    if saved.kind not in _LINEAR:
        known = sorted([*_LINEAR, *_BOOSTED, *_FORESTS, *_LONE])
        raise UsageError(f"a saved {saved.kind} has no form in Solr", f"train one of: {', '.join(known)}")
    weights, intercept = _LINEAR[saved.kind](saved)
    names = chosen(given, own, len(weights))
    means = None if scaling is None else dict(zip(names, scaling.mean.tolist(), strict=True))
    deviations = None if scaling is None else dict(zip(names, scaling.deviation.tolist(), strict=True))
    return convert_linear(dict(zip(names, weights.tolist(), strict=True)), intercept, means, deviations)


# --- linear ----------------------------------------------------------------------------------------------------


def _plain(saved: Saved) -> tuple[Doubles, float]:
    row = saved.row()
    return vector(row["coefficients"]), float(row["intercept"])


def _generalised(saved: Saved) -> tuple[Doubles, float]:
    family = saved.param("family")
    if family == "tweedie":
        power = float(saved.param("linkPower", 1.0 - float(saved.param("variancePower", 0.0))))
        link = {0.0: "log", 1.0: "identity"}.get(power, f"power {power}")
    else:
        canonical = {"gaussian": "identity", "binomial": "logit", "poisson": "log", "gamma": "inverse"}
        link = saved.param("link", canonical.get(family, "unknown"))
    if link not in _RISING:
        raise UsageError(
            f"with the link {link!r} the mean does not always rise with the linear predictor: the order would change",
            'train with link="log" (tweedie: linkPower=0)',
        )
    return _plain(saved)


def _logistic(saved: Saved) -> tuple[Doubles, float]:
    row = saved.row()
    if row["numClasses"] != 2:
        raise UsageError(f"a model of {row['numClasses']} classes has no single score", "train on two classes")
    weights, intercepts = matrix(row["coefficientMatrix"]), vector(row["interceptVector"])
    if len(weights) == 1:
        return weights[0], float(intercepts[0])
    return weights[1] - weights[0], float(intercepts[1] - intercepts[0])  # softmax of two is logistic


_LINEAR: dict[str, Callable[[Saved], tuple[Doubles, float]]] = {
    "LinearRegressionModel": _plain,
    "LinearSVCModel": _plain,
    "GeneralizedLinearRegressionModel": _generalised,
    "LogisticRegressionModel": _logistic,
}


# --- trees -----------------------------------------------------------------------------------------------------


def _convert_trees(saved: Saved, names: Sequence[str], scaling: _Scaling | None) -> TreesExport:
    classes = int(saved.metadata.get("numClasses", 2))
    if classes != 2:
        raise UsageError(f"a model of {classes} classes has no single score", "train on two classes")
    by_class = saved.kind in (_FORESTS[1], _LONE[1])
    grove = Grove(names)
    for nodes, weight in _weighted_trees(saved):
        rows = {node["id"]: _row(node, grove, by_class) for node in nodes}
        grove.add(grown(grove, rows if scaling is None else _unscaled(rows, scaling), 0), weight)
    return grove.export()


def _weighted_trees(saved: Saved) -> list[tuple[list[Mapping[str, Any]], float]]:
    """Return each tree's nodes and what it weighs: a forest's trees are averaged, boosted ones have weights."""
    rows = saved.table().to_pylist()
    if saved.kind in _LONE:
        return [(rows, 1.0)]
    nodes: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        nodes.setdefault(row["treeID"], []).append(row["nodeData"])
    if saved.kind in _FORESTS:
        return [(nodes[tree], 1.0 / len(nodes)) for tree in sorted(nodes)]
    # Columns by place: tree, metadata, weight. Since Spark 4.3 they are named _1, _2, _3.
    trees, _, weights = (column.to_pylist() for column in saved.table("treesMetadata").columns)
    weight = {tree: float(one) for tree, one in zip(trees, weights, strict=True)}
    return [(nodes[tree], weight[tree]) for tree in sorted(nodes)]


def _row(node: Mapping[str, Any], grove: Grove, by_class: bool) -> Row:
    """Return a saved node as ``grown`` takes it."""
    if node["leftChild"] < 0:
        return _share(node["impurityStats"]) if by_class else float(node["prediction"])
    split = node["split"]
    if split["numCategories"] != -1:
        raise UsageError(
            f"{grove.names[split['featureIndex']]!r} is split by category, which Solr cannot",
            "encode it as numbers before training",
        )
    return split["featureIndex"], float(split["leftCategoriesOrThreshold"][0]), node["leftChild"], node["rightChild"]


def _unscaled(rows: Mapping[int, Row], scaling: _Scaling) -> dict[int, Row]:
    """Return a tree's nodes with thresholds on the values before scaling: the last float32 that still goes left.

    Spark scales in double, by a factor: ``(x − mean) · (1 / deviation)``, which never falls as x grows. Where all
    values go to one side, as those of a constant feature do, both branches are that side.
    """
    found: dict[int, Row] = {}
    for number, row in rows.items():
        if isinstance(row, float):
            found[number] = row
            continue
        feature, threshold, left, right = row
        goes_left = partial(_goes_left, scaling.mean[feature], scaling.deviation[feature], threshold)
        last = last_float(goes_left)
        found[number] = (feature, 0.0, right, right) if last is None else (feature, float(last), left, right)
    return found


def _goes_left(mean: float, deviation: float, threshold: float, value: np.float32) -> bool:
    return bool((float(value) - mean) * (1.0 / deviation if deviation else 0.0) <= threshold)


def _share(counts: Sequence[float]) -> float:
    """Return the share of class 1 in a leaf; a leaf that saw nobody votes for nobody."""
    total = float(np.sum(counts))
    return counts[1] / total if total else 0.0


# --- pipelines -------------------------------------------------------------------------------------------------


def _inputs(stages: Sequence[Saved]) -> tuple[list[str], _Scaling | None]:
    """Return the names that the stages before the model give its columns, and how they scale them."""
    own: list[str] = []
    scaling: _Scaling | None = None
    for stage in stages:
        if stage.kind == "VectorAssembler" and not own and scaling is None:
            own = [str(name) for name in stage.param("inputCols")]
        elif stage.kind == "StandardScalerModel" and scaling is None:
            row = stage.row()
            mean, deviation = vector(row["mean"]), vector(row["std"])
            scaling = _Scaling(
                mean if stage.param("withMean") else np.zeros_like(mean),
                deviation if stage.param("withStd") else np.ones_like(deviation),
            )
        else:
            raise UsageError(
                f"the pipeline's stage {stage.kind} cannot be folded into a Solr model",
                "keep to one VectorAssembler, one StandardScaler and the model, or make its output a feature",
            )
    return own, scaling
