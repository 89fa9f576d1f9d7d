"""A training set in memory of which it is known what tells good items from bad."""

import numpy as np

from reprise.training.data import Rows, TrainingData

#: What each feature is. Of a pair of twins either will do.
NAMES = ["first", "twin", "second", "weak", "query", "noise_a", "noise_b", "noise_c"]


def planted_rows(queries=150, depth=12, seed=1):
    """g rises with ``first`` where the query's own value is high, else with ``second``; a little with ``weak``."""
    random = np.random.default_rng(seed)
    n = queries * depth
    x = random.random((n, len(NAMES)))
    codes = np.repeat(np.arange(queries), depth)
    x[:, 1] = x[:, 0] + 0.001 * random.standard_normal(n)
    x[:, 4] = random.random(queries)[codes]
    g = np.where(x[:, 4] > 0.5, x[:, 0], x[:, 2]) + 0.15 * x[:, 3] + 0.02 * random.standard_normal(n)
    g = np.clip(g / 1.2, 0, 1)
    grade = np.searchsorted([0.2, 0.4, 0.6, 0.8], g)
    return Rows(
        list(NAMES), x.astype(np.float32), codes, np.ones(n, bool), g, grade.astype(np.int64), np.ones(n),
        1.0 + random.poisson(3, queries).astype(float)[codes],
    )  # fmt: skip


def planted(seed=1):
    """Train and validation rows that were drawn apart."""
    return TrainingData(list(NAMES), planted_rows(300, seed=seed), planted_rows(300, seed=seed + 1), [])
