"""Solr's trees as arrays, and vectors walked down them, many rows at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError
from reprise.solr.numbers import NODE_SPLIT_SLACK, parse_float32, parse_floats32

Floats = npt.NDArray[np.float32]
_SPLIT, _LEAF, _TREE = {"feature", "threshold", "left", "right"}, {"value"}, {"weight", "root"}
CHUNK = 8192  # rows that are walked together: what they need stays in the processor's cache


@dataclass(frozen=True)
class Tree:
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


def flatten(tree: Mapping[str, Any], used: Sequence[str]) -> Tree:
    """Return a tree as arrays, nodes in the order they are met; what Solr would refuse or misread is a UsageError."""
    if _keys(tree) != _TREE:
        raise UsageError(f"a tree has the keys {sorted(_keys(tree))}", "it needs exactly weight and root")
    index = {name: column for column, name in enumerate(used)}
    columns, left, limits, values = [], [], ["0"], ["0"]  # texts, and where each node's stands: 0 for none
    at_limit, at_value = [], []
    pending: deque[tuple[Mapping[str, Any], int, int]] = deque([(tree["root"], 0, 0)])
    size, depth = 1, 0
    while pending:
        node, place, level = pending.popleft()
        keys = _keys(node)
        if keys == _LEAF:
            columns.append(len(used))
            left.append(place)
            at_limit.append(0)
            at_value.append(len(values))
            values.append(node["value"])
            depth = max(depth, level)
            continue
        columns.append(_column(node, keys, index))
        left.append(size)
        at_limit.append(len(limits))
        at_value.append(0)
        limits.append(node["threshold"])
        pending += [(node["left"], size, level + 1), (node["right"], size + 1, level + 1)]
        size += 2
    weight = _floats([tree["weight"]], "a tree's weight")[0]
    with np.errstate(over="ignore"):
        outputs = weight * _floats(values, "a leaf's value")
    if not np.isfinite(outputs).all():
        raise UsageError("a tree's weight times a leaf's value is beyond 32-bit floats", "scale them down")
    bounds = _floats(limits, "a threshold") + NODE_SPLIT_SLACK
    bounds[0] = np.inf
    return Tree(
        feature=np.array(columns, dtype=np.intp),
        limit=bounds[at_limit],
        left=np.array(left, dtype=np.intp),
        value=outputs[at_value],
        weight=weight,
        depth=depth,
    )


def _column(node: Mapping[str, Any], keys: set[str], index: Mapping[str, int]) -> int:
    """Return the column that a node asks; one that is no node as Solr reads it is a UsageError."""
    if keys != _SPLIT:
        raise UsageError(f"a node has the keys {sorted(keys)}", f"it needs value alone, or exactly {sorted(_SPLIT)}")
    column = index.get(node["feature"]) if isinstance(node["feature"], str) else None
    if column is None:
        raise UsageError(
            f"a tree uses the feature {node['feature']!r}, which the model does not list",
            "add it to the model's features: Solr would accept the model and score the whole tree 0",
        )
    return column


def _keys(found: Any) -> set[str]:
    return set(map(str, found)) if isinstance(found, Mapping) else set()


def _floats(texts: Sequence[Any], what: str) -> Floats:
    """Return numbers as Java reads them; the first that is no text, or no finite number, is named in a UsageError."""
    for text in texts:
        if not isinstance(text, str):
            raise UsageError(f"{what} is {text!r}, not a string", 'write it as a string such as "0.5": Solr wants that')
    try:
        return parse_floats32(texts)
    except ValueError:
        for text in texts:
            try:
                parse_float32(text)
            except ValueError:
                raise UsageError(f"{what} is {text!r}, no finite 32-bit number", "correct the model") from None
        raise


class Block:
    """Some rows of vectors, and all the room that walking them down a tree takes."""

    def __init__(self, rows: Floats) -> None:
        matrix = np.column_stack([rows, np.zeros(len(rows), np.float32)])
        self._flat, self._row = matrix.ravel(), np.arange(len(matrix)) * matrix.shape[1]
        self._place, self._found = np.empty_like(self._row), np.empty_like(self._row)
        self._value, self._limit = np.empty_like(matrix[:, 0]), np.empty_like(matrix[:, 0])
        self._left = np.empty(len(matrix), dtype=bool)

    def reached(self, tree: Tree) -> npt.NDArray[np.intp]:
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
