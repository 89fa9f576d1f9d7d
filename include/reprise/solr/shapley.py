"""What each feature brings to a score: Shapley values of any Solr model, exactly, beside rows that stand for the rest.

A coalition of features has the row's values, the others those of a background row (interventional Shapley values:
Lundberg et al., Nature Machine Intelligence 2020). A leaf is reached by a coalition if it holds every feature that
only the row takes to it (p of them) and none that only the background takes to it (q of them); with a leaf's value v
that is v·(p−1)!q!/(p+q)! for each of the p, and −v·p!(q−1)!/(p+q)! for each of the q. A weighted sum is the same with
features that do not meet: weight · (value − background's).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import factorial
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.solr.score import LINEAR, feature_names, score_parts
from reprise.solr.walk import Tree, flatten

Values = npt.NDArray[np.float64]
_Between = dict[int, tuple[np.float32, np.float32]]  # column → above the first, at most the second
_MOST = 31  # features on one path
_P, _Q = np.meshgrid(np.arange(_MOST), np.arange(_MOST), indexing="ij")
_FACTORIAL = np.array([float(factorial(n)) for n in range(2 * _MOST)])
_FOR = np.where(_P > 0, _FACTORIAL[np.maximum(_P - 1, 0)] * _FACTORIAL[_Q] / _FACTORIAL[_P + _Q], 0.0)
_AGAINST = np.where(_Q > 0, _FACTORIAL[_P] * _FACTORIAL[np.maximum(_Q - 1, 0)] / _FACTORIAL[_P + _Q], 0.0)


def contributions(
    model: Mapping[str, Any], rows: npt.ArrayLike, background: npt.ArrayLike, names: Sequence[str]
) -> dict[str, Values]:
    """Return feature → what it brings to each row's score, for every feature of the model.

    A row's contributions add up to its score minus the background's mean score. ``rows`` and ``background`` are rows ×
    features as of ``score``. With one background row they say why the one item stands above the other.
    """
    used = feature_names(model)
    ours, rest = score_parts(model, rows, names), score_parts(model, background, names)
    found = np.zeros((len(ours.matrix), len(used)))
    if model["class"] == LINEAR:
        mean = rest.matrix.astype(float).mean(axis=0)
        found += ours.weights * (ours.matrix.astype(float) - mean)
    else:
        for tree in model["params"]["trees"]:
            _add(found, flatten(tree, used), ours.matrix, rest.matrix)
    return {name: found[:, column] for column, name in enumerate(used)}


def _add(found: Values, tree: Tree, ours: npt.NDArray[np.float32], rest: npt.NDArray[np.float32]) -> None:
    for value, between in _leaves(tree):
        columns = list(between)
        low, high = (np.array([ends[side] for ends in between.values()], np.float32) for side in (0, 1))
        mine = ((low < ours[:, columns]) & (ours[:, columns] <= high)).astype(float)
        theirs = ((low < rest[:, columns]) & (rest[:, columns] <= high)).astype(float)
        alive = (1 - mine) @ (1 - theirs).T == 0
        p, q = (mine @ (1 - theirs).T).astype(int), ((1 - mine) @ theirs.T).astype(int)
        scale = value / len(rest)
        gained = mine * ((_FOR[p, q] * alive) @ (1 - theirs))
        lost = (1 - mine) * ((_AGAINST[p, q] * alive) @ theirs)
        found[:, columns] += scale * (gained - lost)


def _leaves(tree: Tree) -> Iterator[tuple[float, _Between]]:
    """Yield each leaf's value, times its tree's weight, and what leads to it; a tree without a split leads anywhere."""
    pending: list[tuple[int, _Between]] = [(0, {})]
    while pending:
        node, between = pending.pop()
        left = int(tree.left[node])
        if left == node:
            if between and tree.value[node]:
                yield float(tree.value[node]), between
            continue
        column, limit = int(tree.feature[node]), tree.limit[node]
        low, high = between.get(column, (np.float32(-np.inf), np.float32(np.inf)))
        pending.append((left, {**between, column: (low, min(high, limit))}))
        pending.append((left + 1, {**between, column: (max(low, limit), high)}))
