"""Who chooses and who re-scores: the best of many trials looks better than it is to those who chose it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from reprise.training.data import Rows, TrainingData


def split(data: TrainingData, one_in: int, seed: int) -> tuple[TrainingData, Rows]:
    """Return the data whose validation rows may choose, and the validation rows that were kept from it.

    Queries are sorted by traffic, and of every ``one_in`` in a row one is drawn: both parts have heads and tails.
    """
    kept = kept_back(data.validation.traffic_per_query, one_in, seed)[data.validation.codes]
    return replace(data, validation=data.validation.where(~kept)), data.validation.where(kept)


def kept_back(traffic: npt.NDArray[np.float64], one_in: int, seed: int) -> npt.NDArray[np.bool_]:
    """Return which queries are kept from choosing."""
    random = np.random.default_rng(seed)
    order = np.argsort(-traffic, kind="stable")
    kept = np.zeros(len(traffic), bool)
    for start in range(0, len(order), one_in):
        alike = order[start : start + one_in]
        drawn = int(random.integers(one_in))  # a last, shorter row gives one less often, not always
        kept[alike[drawn : drawn + 1]] = True
    return kept
