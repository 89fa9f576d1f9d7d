"""Scoring as Solr does, beside LightGBM's own prediction of the same model on the same matrix, one thread each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.solr import convert_lightgbm, score
from reprise.solr.score import check_model

FEATURES, TRAINED_ON, REPEATS = 20, 20_000, 5
SIZES = ((1_000, 200, 15), (100_000, 200, 15), (100_000, 200, 31), (100_000, 200, 63))  # rows, trees, leaves


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table: medians of interleaved runs; reading the model's JSON form is part of each score."""
    import lightgbm

    del home, plan
    yield f"{FEATURES} features, one far below Solr's slack; medians of {REPEATS}, in turn\n"
    yield "| rows | trees | leaves | scoring, s | of that, reading the model, s | LightGBM, s | beside LightGBM |"
    yield "|---|---|---|---|---|---|---|"
    for rows, trees, leaves in SIZES:
        x, y = _rows(max(rows, TRAINED_ON))
        params = {"verbose": -1, "num_leaves": leaves, "use_missing": False, "num_threads": 1, "seed": 1}
        booster = lightgbm.train(params, lightgbm.Dataset(x[:TRAINED_ON].copy(), y[:TRAINED_ON]), trees)
        model, names, x = convert_lightgbm(booster.model_to_string()).model, booster.feature_name(), x[:rows]
        works: list[Callable[[], object]] = [
            lambda m=model, v=x, n=names: score(m, v, n),
            lambda m=model: check_model(m),
            lambda b=booster, v=x: b.predict(v, num_threads=1),
        ]
        ours, read, theirs = _timed(works)
        yield f"| {rows:,} | {trees} | {leaves} | {ours:.3f} | {read:.3f} | {theirs:.3f} | {ours / theirs:.2f} |"


def _rows(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.random((count, FEATURES)).astype(np.float32)
    x[:, 0] = random.exponential(3e-6, count)
    signal = np.sin(5 * x[:, 1]) + x[:, 2] * x[:, 3] + 0.1 * np.log(x[:, 0] + 1e-9)
    return x, signal + random.normal(0, 0.3, count)


def _timed(works: list[Callable[[], object]]) -> list[float]:
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(REPEATS):
        for place, work in enumerate(works):
            start = time.perf_counter()
            work()
            seconds[place].append(time.perf_counter() - start)
    return [median(one) for one in seconds]
