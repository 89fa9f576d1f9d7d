"""Scores as Solr's plugin computes them, bit for bit: float32, one addition at a time, in Solr's order.

Source: ``LinearModel.score`` and ``MultipleAdditiveTreesModel.score`` of Solr's ``ltr`` module, the same in 8.11, 9
and 10. A model that Solr would accept and misread (a tree naming a feature the model does not have) is refused here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError
from reprise.solr.numbers import NODE_SPLIT_SLACK, parse_float32

LINEAR = "org.apache.solr.ltr.model.LinearModel"
TREES = "org.apache.solr.ltr.model.MultipleAdditiveTreesModel"
VALUE_FEATURE = "org.apache.solr.ltr.feature.ValueFeature"
IDENTITY = "org.apache.solr.ltr.norm.IdentityNormalizer"

Floats = npt.NDArray[np.float32]
_SPLIT_KEYS = {"feature", "threshold", "left", "right"}


_CHUNK = 8192  # rows that are walked together: what they need stays in the processor's cache


@dataclass(frozen=True)
class _Tree:
    """One tree as arrays. A node's right child follows its left one.

    A leaf is its own left child and asks whether 0 (the column after the last feature) is at most infinity: it always
    is, so that every row may take the same number of steps.
    """

    feature: npt.NDArray[np.intp]
    limit: Floats
    left: npt.NDArray[np.intp]
    value: Floats  # of leaves, times the tree's weight
    weight: np.float32
    depth: int


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
        return _score_trees([_flatten(tree, used) for tree in _trees(model)], matrix)


def splits_passed(
    model: Mapping[str, Any], features: npt.ArrayLike, names: Sequence[str]
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield, tree by tree, how many splits lie above the leaf that each row comes to; errors as of ``score``."""
    used = feature_names(model)
    matrix = _matrix(used, features, names)
    blocks = [_Block(matrix[start : start + _CHUNK]) for start in range(0, max(len(matrix), 1), _CHUNK)]
    for tree in (_flatten(one, used) for one in _trees(model)):
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
        weights = np.array([_flatten(tree, used).weight for tree in _trees(model)])
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
    for feature in model.get("features") or []:
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


def _float(value: Any, what: str) -> np.float32:
    if not isinstance(value, str):
        raise UsageError(f"{what} is {value!r}, not a string", 'write it as a string such as "0.5": Solr wants that')
    try:
        return parse_float32(value)
    except ValueError:
        raise UsageError(f"{what} is {value!r}, no finite 32-bit number", "correct the model") from None


def _keys(found: Any) -> set[str]:
    return set(map(str, found)) if isinstance(found, Mapping) else set()


def _flatten(tree: Mapping[str, Any], used: Sequence[str]) -> _Tree:
    """Return a tree as arrays, nodes in the order they are met; unknown keys are refused, as Solr does."""
    if _keys(tree) != {"weight", "root"}:
        raise UsageError(f"a tree has the keys {sorted(_keys(tree))}", "it needs exactly weight and root")
    index = {name: column for column, name in enumerate(used)}
    rows: list[tuple[int, np.float32, int, np.float32]] = []
    pending: deque[tuple[Mapping[str, Any], int, int]] = deque([(tree["root"], 0, 0)])
    size, depth = 1, 0
    while pending:
        node, place, level = pending.popleft()
        depth = max(depth, level)
        if _keys(node) == {"value"}:
            rows.append((len(used), np.float32(np.inf), place, _float(node["value"], "a leaf's value")))
            continue
        if _keys(node) != _SPLIT_KEYS:
            raise UsageError(
                f"a node has the keys {sorted(_keys(node))}", f"it needs value alone, or exactly {sorted(_SPLIT_KEYS)}"
            )
        if node["feature"] not in index:
            raise UsageError(
                f"a tree uses the feature {node['feature']!r}, which the model does not list",
                "add it to the model's features: Solr would accept the model and score the whole tree 0",
            )
        limit = _float(node["threshold"], "a threshold") + NODE_SPLIT_SLACK
        rows.append((index[node["feature"]], limit, size, np.float32(0)))
        pending += [(node["left"], size, level + 1), (node["right"], size + 1, level + 1)]
        size += 2
    feature, limits, left, value = zip(*rows, strict=True)
    weight = _float(tree["weight"], "a tree's weight")
    with np.errstate(over="ignore"):
        outputs = weight * np.array(value, dtype=np.float32)
    if not np.isfinite(outputs).all():
        raise UsageError("a tree's weight times a leaf's value is beyond 32-bit floats", "scale them down")
    return _Tree(
        feature=np.array(feature, dtype=np.intp),
        limit=np.array(limits, dtype=np.float32),
        left=np.array(left, dtype=np.intp),
        value=outputs,
        weight=weight,
        depth=depth,
    )


def _score_trees(trees: Sequence[_Tree], matrix: Floats) -> Floats:
    total = np.zeros(len(matrix), dtype=np.float32)
    for start in range(0, len(matrix), _CHUNK):
        block, part = _Block(matrix[start : start + _CHUNK]), total[start : start + _CHUNK]
        for tree in trees:
            part += tree.value[block.reached(tree)]
    return total


class _Block:
    """Some rows of vectors, and all the room that walking them down a tree takes."""

    def __init__(self, rows: Floats) -> None:
        matrix = np.column_stack([rows, np.zeros(len(rows), np.float32)])
        self._flat, self._row = matrix.ravel(), np.arange(len(matrix)) * matrix.shape[1]
        self._place, self._found = np.empty_like(self._row), np.empty_like(self._row)
        self._value, self._limit = np.empty_like(matrix[:, 0]), np.empty_like(matrix[:, 0])
        self._left = np.empty(len(matrix), dtype=bool)

    def reached(self, tree: _Tree) -> npt.NDArray[np.intp]:
        """Return the number of the leaf that each row comes to; overwritten by the next tree's."""
        place, found = self._place, self._found
        place[:] = 0
        for _ in range(tree.depth):
            tree.feature.take(place, out=found, mode="clip")
            found += self._row
            self._flat.take(found, out=self._value, mode="clip")
            tree.limit.take(place, out=self._limit, mode="clip")
            np.less_equal(self._value, self._limit, out=self._left)
            tree.left.take(place, out=found, mode="clip")
            np.add(found, ~self._left, out=place)
        return place
