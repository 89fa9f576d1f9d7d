"""What a ranker costs Solr for each document it scores, counted and not timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.solr.score import LINEAR, check_model, feature_names, splits_passed
from reprise.solr.walk import flatten


def steps_per_document(model: Mapping[str, Any], features: npt.ArrayLike, names: Sequence[str]) -> float:
    """Return the mean number of steps that scoring a row takes.

    Of trees: splits passed, over all trees. Of a weighted sum: features. What computing features costs is not in it.
    """
    if model["class"] == LINEAR:
        check_model(model)
        return float(len(feature_names(model)))
    return float(sum(np.mean(depth) for depth in splits_passed(model, features, names)))


def size(model: Mapping[str, Any]) -> str:
    """Return how large a model is, in words: trees and leaves, or weights that are not 0."""
    if model["class"] == LINEAR:
        return f"{sum(1 for weight in model['params']['weights'].values() if weight)} weights"
    trees = [flatten(tree, feature_names(model)) for tree in model["params"]["trees"]]
    return f"{len(trees)} trees, {sum((len(tree.left) + 1) // 2 for tree in trees)} leaves"
