"""Scores as Solr's plugin computes them, bit for bit: float32, one addition at a time, in Solr's order.

Source: ``LinearModel.score`` and ``MultipleAdditiveTreesModel.score`` of Solr's ``ltr`` module, the same in 8.11, 9
and 10. A model that Solr would accept and misread (a tree naming a feature the model does not have) is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError
from reprise.solr.walk import CHUNK, Block, Tree, flatten
from reprise.solr.walk import Floats as Floats

LINEAR = "org.apache.solr.ltr.model.LinearModel"
TREES = "org.apache.solr.ltr.model.MultipleAdditiveTreesModel"
VALUE_FEATURE = "org.apache.solr.ltr.feature.ValueFeature"
IDENTITY = "org.apache.solr.ltr.norm.IdentityNormalizer"


def score(model: Mapping[str, Any], features: npt.ArrayLike, names: Sequence[str]) -> Floats:
    """Return Solr's score of each row, float32.

    ``features`` is rows × features, read as float32 (which is what Solr casts them to); ``names`` names its columns,
    and may hold more than the model uses, in any order. A model Solr would refuse or misread: UsageError.
    """
    used = feature_names(model)
    matrix = _matrix(used, features, names)
    with np.errstate(over="ignore", invalid="ignore"):  # Java overflows to infinity without a word
        if model["class"] == LINEAR:
            return _score_linear(_weights(model, used), matrix)
        return _score_trees([flatten(tree, used) for tree in _trees(model)], matrix)


@dataclass(frozen=True)
class Parts:
    """Vectors in the model's own order, and its weights in that order; none of trees."""

    matrix: Floats
    weights: Floats


def score_parts(model: Mapping[str, Any], features: npt.ArrayLike, names: Sequence[str]) -> Parts:
    """Return what a model's scores are made of; errors as of ``score``."""
    used = feature_names(model)
    weights = _weights(model, used) if model["class"] == LINEAR else np.zeros(0, np.float32)
    return Parts(_matrix(used, features, names), weights)


def splits_passed(
    model: Mapping[str, Any], features: npt.ArrayLike, names: Sequence[str]
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield, tree by tree, how many splits lie above the leaf that each row comes to; errors as of ``score``."""
    used = feature_names(model)
    matrix = _matrix(used, features, names)
    blocks = [Block(matrix[start : start + CHUNK]) for start in range(0, max(len(matrix), 1), CHUNK)]
    for tree in (flatten(one, used) for one in _trees(model)):
        level = np.zeros(len(tree.left), dtype=np.int64)
        for node, left in enumerate(tree.left):
            if left != node:
                level[left : left + 2] = level[node] + 1
        yield np.concatenate([level[block.reached(tree)] for block in blocks])


def _matrix(used: Sequence[str], features: npt.ArrayLike, names: Sequence[str]) -> Floats:
    """Return the vectors' columns in the model's own order."""
    values = np.asarray(features, dtype=np.float32)
    if values.ndim != 2 or values.shape[1] != len(names):
        raise UsageError(
            f"the vectors have shape {values.shape} but {len(names)} names were given",
            "give one row per document and one column per feature name",
        )
    missing = sorted(set(used) - set(names))
    if missing:
        raise UsageError(f"the vectors lack the model's features {missing}", "add these columns")
    columns = {name: column for column, name in enumerate(names)}
    return values[:, [columns[name] for name in used]]


def check_model(model: Mapping[str, Any]) -> None:
    """Ensure that Solr would accept the model and read it as it is meant; anything else is a UsageError.

    Also one that Solr would take and score 0 whatever the vector: all weights 0.
    """
    used = feature_names(model)
    if model["class"] == LINEAR:
        weights = _weights(model, used)
    else:
        weights = np.array([flatten(tree, used).weight for tree in _trees(model)])
    if not weights.any():
        raise UsageError(
            "every weight of the model is 0: it would score all items alike", "lower its penalty, or train it anew"
        )


def feature_names(model: Mapping[str, Any]) -> list[str]:
    """Return a Solr model's features in vector order; a class, normaliser or list we cannot score: UsageError."""
    if model.get("class") not in (LINEAR, TREES):
        raise UsageError(
            f"model class {model.get('class')!r} is not supported",
            f"use {LINEAR.rsplit('.', 1)[1]} or {TREES.rsplit('.', 1)[1]}",
        )
    names: list[str] = []
    listed = model.get("features")
    for feature in listed if isinstance(listed, Sequence) else []:
        if not isinstance(feature, Mapping) or not isinstance(feature.get("name"), str):
            raise UsageError(f"the model lists the feature {feature!r}", 'write each as {"name": "…"}')
        norm = feature.get("norm", {"class": IDENTITY})
        if norm.get("class") != IDENTITY:
            raise UsageError(
                f"feature {feature.get('name')!r} has the normaliser {norm.get('class')!r}",
                "fold the scaling into the weights or thresholds",
            )
        names.append(feature["name"])
    if not names or len(names) != len(set(names)):
        raise UsageError(f"the model's features are empty or repeated: {names}", "list each feature once")
    return names


def constant(entry: Mapping[str, Any]) -> float | None:
    """Return the value of a feature-store entry that is the same for every document, or None."""
    if entry["class"] != VALUE_FEATURE:
        return None
    value = (entry.get("params") or {}).get("value")
    return float(value) if isinstance(value, (int, float)) else None


def _weights(model: Mapping[str, Any], used: Sequence[str]) -> Floats:
    weights = _params(model).get("weights")
    if not isinstance(weights, Mapping):
        raise UsageError("the model's params hold no weights", "give every feature a weight")
    missing = [name for name in used if name not in weights]
    if missing:
        raise UsageError(f"the model has no weight for {missing}", "give every feature a weight")
    wrong = [name for name in used if isinstance(weights[name], bool) or not isinstance(weights[name], (int, float))]
    if wrong:
        raise UsageError(f"the weights of {wrong} are not JSON numbers", "Solr wants numbers here, not strings")
    with np.errstate(over="ignore"):
        found = np.array([weights[name] for name in used], dtype=np.float32)
    if not np.isfinite(found).all():
        raise UsageError("a weight of the model is no finite 32-bit float", "train it anew")
    return found


def _params(model: Mapping[str, Any]) -> Mapping[str, Any]:
    params = model.get("params")
    if not isinstance(params, Mapping):
        raise UsageError("the model has no params", "give a whole Solr model")
    return params


def _score_linear(weights: Floats, matrix: Floats) -> Floats:
    total = np.zeros(len(matrix), dtype=np.float32)
    for column, weight in enumerate(weights):
        total = total + matrix[:, column] * weight
    return total


def _trees(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    trees = _params(model).get("trees")
    if not isinstance(trees, Sequence) or not trees:
        raise UsageError("the model has no trees", "Solr refuses a MultipleAdditiveTreesModel without trees")
    return list(trees)


def _score_trees(trees: Sequence[Tree], matrix: Floats) -> Floats:
    total = np.zeros(len(matrix), dtype=np.float32)
    for start in range(0, len(matrix), CHUNK):
        block, part = Block(matrix[start : start + CHUNK]), total[start : start + CHUNK]
        for tree in trees:
            part += tree.value[block.reached(tree)]
    return total
