"""Spark ML's models: the folder that ``model.save`` wrote, read without Spark."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprise.errors import MissingDataError, UsageError
from reprise.solr.convert.linear import LinearExport, convert_linear
from reprise.solr.convert.names import chosen
from reprise.solr.convert.trees import Grove, Node, TreesExport, grown

if TYPE_CHECKING:
    import pyarrow as pa

_LINEAR = ("LinearRegressionModel", "GeneralizedLinearRegressionModel", "LogisticRegressionModel")
_FORESTS = ("RandomForestRegressionModel", "GBTRegressionModel", "GBTClassificationModel")
_TREE = "DecisionTreeRegressionModel"


def convert_spark(folder: Path, names: Sequence[str] | None = None) -> TreesExport | LinearExport:
    """Return the Solr model of a saved Spark ML model, or of a pipeline that ends in one.

    Regression trees, forests and boosted trees; linear, generalised linear and two-class logistic regression, whose
    link is not applied. A pipeline's VectorAssembler names the features, and its StandardScaler is folded into a
    linear model; any other stage, and splits on categories, are UsageErrors. ``names`` replace the features' own.
    """
    about = _metadata(folder)
    own: Sequence[str] = []
    scaler: Path | None = None
    if _kind(about) == "PipelineModel":
        *before, folder = _stages(folder)
        about, own, scaler = _metadata(folder), *_prepared(before)
    kind = _kind(about)
    if kind in _LINEAR:
        return _linear(kind, _data(folder), names, own, scaler)
    if kind not in (*_FORESTS, _TREE):
        raise UsageError(
            f"{folder} holds a {kind}, which is no model with one score",
            f"give one of {', '.join((*_LINEAR, *_FORESTS, _TREE))}",
        )
    if scaler:
        raise UsageError(
            "trees on scaled features: scaling moves thresholds by rounding", "train trees without the StandardScaler"
        )
    grove = Grove(chosen(names, own, int(about["numFeatures"])))
    for rows, weight in _trees(kind, folder):
        grove.add(_root(rows, grove), weight)
    return grove.export()


def _metadata(folder: Path) -> dict[str, Any]:
    parts = sorted((folder / "metadata").glob("part-*"))
    if not parts:
        raise MissingDataError(f"{folder} is no saved Spark ML model: it has no metadata", "give the folder of a save")
    found: dict[str, Any] = json.loads(parts[0].read_text(encoding="utf-8"))
    return found


def _kind(about: Mapping[str, Any]) -> str:
    return str(about["class"]).rsplit(".", 1)[1]


def _stages(folder: Path) -> list[Path]:
    return sorted((folder / "stages").iterdir(), key=lambda path: int(path.name.partition("_")[0]))


def _prepared(stages: Sequence[Path]) -> tuple[list[str], Path | None]:
    """Return the names that a pipeline's assembler gives, and its scaler if there is one."""
    names: list[str] = []
    scaler = None
    for stage in stages:
        about = _metadata(stage)
        if _kind(about) == "VectorAssembler" and not names:
            names = list(about["paramMap"]["inputCols"])
        elif _kind(about) == "StandardScalerModel" and not scaler:
            scaler = stage
        else:
            raise UsageError(
                f"the pipeline's stage {stage.name} is a {_kind(about)}, which Solr cannot repeat",
                "make its output a feature, or train without it",
            )
    return names, scaler


def _data(folder: Path, part: str = "data") -> pa.Table:
    import pyarrow.parquet as pq

    if not (folder / part).is_dir():
        raise MissingDataError(f"{folder} lacks its {part}", "save the model anew")
    return pq.read_table(folder / part)


def _linear(
    kind: str, data: pa.Table, given: Sequence[str] | None, own: Sequence[str], scaler: Path | None
) -> LinearExport:
    row = data.to_pylist()[0]
    if kind == "LogisticRegressionModel":
        matrix = row["coefficientMatrix"]
        if matrix["numRows"] != 1:
            raise UsageError(f"a model of {row['numClasses']} classes has no single score", "train on two classes")
        weights = _row(matrix)
        intercept = _dense(row["interceptVector"], 1)[0]
    else:
        weights, intercept = _dense(row["coefficients"], 0), float(row["intercept"])
    names = chosen(given, own, len(weights))
    means, deviations = _scaling(scaler, names)
    return convert_linear(dict(zip(names, weights, strict=True)), intercept, means, deviations)


def _scaling(scaler: Path | None, names: Sequence[str]) -> tuple[dict[str, float] | None, dict[str, float] | None]:
    """Return the means and deviations that a StandardScaler takes off; none where it leaves them."""
    if scaler is None:
        return None, None
    about, row = _metadata(scaler), _data(scaler).to_pylist()[0]
    used = {**about["defaultParamMap"], **about["paramMap"]}
    columns = {
        name: dict(zip(names, _dense(row[name], len(names)), strict=True)) if used[flag] else None
        for name, flag in (("mean", "withMean"), ("std", "withStd"))
    }
    return columns["mean"], columns["std"]


def _dense(vector: Mapping[str, Any], size: int) -> list[float]:
    """Return a saved vector's values; type 0 is sparse."""
    if vector["type"] == 1:
        return [float(value) for value in vector["values"]]
    found = [0.0] * int(vector["size"] or size)
    for place, value in zip(vector["indices"], vector["values"], strict=True):
        found[place] = float(value)
    return found


def _row(matrix: Mapping[str, Any]) -> list[float]:
    """Return the values of a saved matrix of one row; type 0 is sparse, by columns or, transposed, by rows."""
    if matrix["type"] == 1:
        return [float(value) for value in matrix["values"]]
    found = [0.0] * int(matrix["numCols"])
    starts = matrix["colPtrs"]
    places = (
        matrix["rowIndices"]
        if matrix["isTransposed"]
        else [column for column in range(len(starts) - 1) for _ in range(starts[column], starts[column + 1])]
    )
    for place, value in zip(places, matrix["values"], strict=True):
        found[place] = float(value)
    return found


def _trees(kind: str, folder: Path) -> list[tuple[list[dict[str, Any]], float]]:
    """Return each tree's nodes and what it weighs: a forest's trees are averaged, boosted ones have weights."""
    if kind == _TREE:
        return [(_data(folder).to_pylist(), 1.0)]
    about = sorted(_data(folder, "treesMetadata").to_pylist(), key=lambda row: int(row["treeID"]))
    nodes: dict[int, list[dict[str, Any]]] = {int(row["treeID"]): [] for row in about}
    for row in _data(folder).to_pylist():
        nodes[int(row["treeID"])].append(row["nodeData"])
    share = 1.0 / len(about) if kind.startswith("RandomForest") else 1.0
    return [(nodes[int(row["treeID"])], float(row["weights"]) * share) for row in about]


def _root(nodes: Sequence[Mapping[str, Any]], grove: Grove) -> Node:
    rows: dict[int, tuple[int, float, int, int] | float] = {}
    for node in nodes:
        split = node["split"]
        if node["leftChild"] < 0:
            rows[node["id"]] = float(node["prediction"])
            continue
        if split["numCategories"] != -1:
            raise UsageError(
                f"{grove.names[split['featureIndex']]!r} is split by category, which Solr cannot",
                "encode it as numbers before training",
            )
        threshold = float(split["leftCategoriesOrThreshold"][0])
        rows[node["id"]] = (split["featureIndex"], threshold, node["leftChild"], node["rightChild"])
    return grown(grove, rows, 0)
