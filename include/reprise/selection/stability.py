"""Which features a lasso takes again and again from halves of the queries (Meinshausen & Bühlmann, JRSS B 2010)."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from reprise.training.data import Rows

Floats = NDArray[np.float64]
#: Rows of a half that a path is followed on; a choice of some ten features is no surer with more.
_ROWS = 20_000


def chosen_share(rows: Rows, most: int, halves: int = 50, seed: int = 0) -> Floats:
    """Return for each feature the share of random halves of the queries in which it is among the first ``most``.

    The first to enter a lasso path of g on standardised features, over the half's judged rows. Queries go whole into
    a half, as rows of one query are not independent. A feature that never changes is never chosen.
    """
    from sklearn.linear_model import lars_path

    judged, random = rows.only_judged(), np.random.default_rng(seed)
    counts = np.zeros(len(rows.names))
    for _ in range(halves):
        mine = random.permutation(judged.queries)[: judged.queries // 2]
        picked = np.flatnonzero(np.isin(judged.codes, mine))
        picked = random.permutation(picked)[:_ROWS]
        x, g = judged.vectors[picked].astype(float), judged.g[picked]
        spread = x.std(axis=0)
        x = np.divide(x - x.mean(axis=0), spread, out=np.zeros_like(x), where=spread > 0)
        with warnings.catch_warnings():  # of columns that repeat one another, one is dropped: as it should be
            warnings.simplefilter("ignore")
            _, order, _ = lars_path(x, g - g.mean(), method="lasso", max_iter=most, return_path=False)
        counts[list(order)[:most]] += 1
    return counts / halves


def expected_false(features: int, most: int, threshold: float) -> float:
    """Return the most features without worth that are expected among those chosen more often than ``threshold``.

    E(V) ≤ q² / ((2π − 1) p), their theorem 1; it takes for granted that noise features are chosen alike.
    """
    return most**2 / ((2 * threshold - 1) * features)
