"""What a ranker costs Solr for each document it scores, counted and not timed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.solr.score import LINEAR, check_model, feature_names, splits_passed


def steps_per_document(model: Mapping[str, Any], features: npt.ArrayLike, names: Sequence[str]) -> float:
    """Return the mean number of steps that scoring a row takes.

    Of trees: splits passed, over all trees. Of a weighted sum: features. What computing features costs is not in it.
    """
    if model["class"] == LINEAR:
        check_model(model)
        return float(len(feature_names(model)))
    return float(sum(np.mean(depth) for depth in splits_passed(model, features, names)))
