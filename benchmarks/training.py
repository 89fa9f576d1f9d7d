"""Training, beside bare LightGBM with the same parameters on the same matrix for the same number of trees."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.training.data import read_data
from reprise.training.lambdamart import LambdaMart, parameters

TIMES = 5


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table: medians of interleaved runs."""
    import lightgbm as lgb

    data, settings = read_data(plan), plan.deployment.gate
    params = parameters(settings.lambdamart, data)
    ours, bare = [], []
    for _ in range(TIMES):
        start = time.perf_counter()
        fitted = LambdaMart().fit(data, settings)
        ours.append(time.perf_counter() - start)
        rounds = len(fitted.curve["train"])
        start = time.perf_counter()
        rows = data.train
        train = lgb.Dataset(rows.vectors, rows.grade, weight=rows.weight, group=rows.group_sizes, params=params)
        lgb.train(params, train, rounds)
        bare.append(time.perf_counter() - start)
    mine, theirs = statistics.median(ours), statistics.median(bare)
    size = (
        f"{len(data.train.grade):,} rows, {data.train.queries:,} queries, {len(data.features)} features, {rounds} trees"
    )
    yield f"{size}; ours also measures the deciding metric after every tree, and exports to Solr\n"
    yield "| | median of 5 | beside bare LightGBM |"
    yield "|---|---|---|"
    yield f"| LambdaMART as `train` fits it | {mine:.2f} s | {mine / theirs:.2f} |"
    yield f"| bare LightGBM | {theirs:.2f} s | 1 |"
