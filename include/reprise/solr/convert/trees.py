"""What all tree models share: Solr's nodes, and an account of the splits that float32 cannot place exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError
from reprise.solr.numbers import float_text, solr_threshold
from reprise.solr.score import TREES

MAX_DEPTH = 300  # Solr, and every JSON reader and writer on the way, descends a tree by recursion
_LARGEST = float(np.finfo(np.float32).max)
Node = dict[str, Any]
Row = tuple[int, float, int, int] | float  # a split (feature, threshold, left, right), or a leaf


@dataclass(frozen=True)
class InexactSplit:
    """A split that float32 cannot place exactly: values in ``(low, high]`` go right in Solr, left in the library."""

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


class Grove:
    """Collects trees over named features; ``split`` and ``leaf`` make their nodes."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self._inexact: dict[InexactSplit, None] = {}
        self._trees: list[dict[str, Any]] = []

    def leaf(self, value: float) -> Node:
        """Return a leaf."""
        return {"value": float_text(value)}

    def split(self, feature: int, threshold: float, left: Node, right: Node) -> Node:
        """Return a node that goes left where ``value <= threshold``; the threshold is a double.

        Where no finite float32 goes left, that is the right branch alone.
        """
        if threshold < -_LARGEST:
            return right
        name = self.names[feature]
        written, effective, wanted = solr_threshold(threshold)
        if effective != wanted:
            self._inexact.setdefault(InexactSplit(feature=name, low=float(effective), high=float(wanted)))
        return {"feature": name, "threshold": float_text(written), "left": left, "right": right}

    def add(self, root: Node, weight: float = 1.0) -> None:
        """Take a tree; one of weight 0 adds nothing to any score and is left out; too deep a one is a UsageError."""
        _check_depth(root)
        text = "1" if weight == 1.0 else float_text(weight)
        if float(text):
            self._trees.append({"weight": text, "root": root})

    def export(self) -> TreesExport:
        """Return the model of all trees taken; none at all is a UsageError."""
        if not self._trees:
            raise UsageError("the model has no trees", "train for at least one round")
        features = [{"name": name} for name in self.names]
        model = {"class": TREES, "features": features, "params": {"trees": self._trees}}
        return TreesExport(model=model, inexact=tuple(self._inexact))


def grown(grove: Grove, rows: Mapping[int, Row], root: int) -> Node:
    """Return the tree of numbered nodes: a float is a leaf, else (feature, threshold, left, right).

    Children are made before their parents, so that no depth is too great; a node that is its own ancestor, or is not
    there, is a UsageError.
    """
    made: dict[int, Node] = {}
    pending = [root]
    under_way: set[int] = set()
    while pending:
        number = pending[-1]
        row = rows.get(number)
        if row is None:
            raise UsageError(f"a tree lacks its node {number}", "save the model anew: it is damaged")
        if isinstance(row, float):
            made[number] = grove.leaf(row)
        elif row[2] in made and row[3] in made:
            feature, threshold, left, right = row
            made[number] = grove.split(feature, threshold, made[left], made[right])
        elif number in under_way:
            raise UsageError(f"a tree leads back to its node {number}", "save the model anew: it is damaged")
        else:
            under_way.add(number)
            pending += [child for child in row[2:] if child not in made]
            continue
        pending.pop()
    return made[root]


def _check_depth(root: Node) -> None:
    level, depth = [root], 0
    while level := [node[side] for node in level if "value" not in node for side in ("left", "right")]:
        depth += 1
        if depth > MAX_DEPTH:
            raise UsageError(f"a tree has more than {MAX_DEPTH} levels", "train with a limited depth")
