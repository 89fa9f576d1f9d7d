"""What each feature brings to a ranker's scores, in the mean over items of whole queries (Shapley values)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from reprise.solr.shapley import contributions
from reprise.training.data import Rows
from reprise.training.family import Fitted

_ROWS, _BACKGROUND = 300, 30


def effects(fitted: Fitted, rows: Rows, seed: int = 0) -> dict[str, dict[str, float]]:
    """Return feature → ``effect`` and ``direction``, of some whole queries of ``rows``, largest effect first.

    ``effect`` is the mean size of what the feature brings to an item beside the other items of its query: what is the
    same for all of them moves none. ``direction`` is the correlation of value and contribution.
    """
    random = np.random.default_rng(seed)
    order = random.permutation(rows.queries)
    sizes = np.cumsum(rows.group_sizes[order])
    sample = rows.where(np.isin(rows.codes, order[: max(1, int(np.searchsorted(sizes, _ROWS, side="right")))]))
    background = rows.where(np.isin(np.arange(len(rows.codes)), random.permutation(len(rows.codes))[:_BACKGROUND]))
    vectors, names = fitted.vectors(sample)
    brought = contributions(fitted.model, vectors, fitted.vectors(background)[0], names)
    found: dict[str, dict[str, float]] = {}
    for column, name in enumerate(rows.names):
        if name in brought:
            beside = brought[name] - _mean_by(sample.codes, brought[name])
            value = sample.vectors[:, column].astype(float)
            effect = float(np.abs(beside).mean())
            found[name] = {"effect": effect, "direction": _correlation(value, brought[name])}
    return dict(sorted(found.items(), key=lambda pair: (-pair[1]["effect"], pair[0])))


def _mean_by(codes: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    counts = np.bincount(codes)
    return (np.bincount(codes, weights=values) / np.maximum(counts, 1))[codes]


def _correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    if one.std() == 0 or other.std() == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])
