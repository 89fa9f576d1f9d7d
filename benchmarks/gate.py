"""The whole gate's comparisons beside scipy.stats.bootstrap for one of them.

Scores of 10,000 test queries, 10,000 resamples, a rival for each baseline, and every segment of traffic, language and
novelty. Lists of 50 items are scored before, by `evaluate`; what the gate reads is one value per query and model.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from reprise import tables
from reprise.gate.files import of_scores
from reprise.gate.paired import METRIC, Beside, paired
from reprise.gate.slices import asked_of, segments_of
from reprise.metrics import UNJUDGED_POLICIES
from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.settings.gate import Policy

QUERIES, RESAMPLES = 10_000, 10_000
MODELS = ("candidate", "champion", "engine_order", "popularity", "best_feature", "champion_retrained")
THETAS = ("measured", "one", "assumed", "steep")


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table; processor time beside seconds, as another process may have the second core."""
    del home, plan
    scores, policy = _scores(), Policy(resamples=RESAMPLES)
    read = _timed(lambda: paired(scores, "test"))
    test = paired(scores, "test")
    rivals = [Beside("candidate", rival) for rival in MODELS[1:]]
    asked = [*rivals, *asked_of(segments_of(test), "candidate", "champion")]
    one = _timed(lambda: test.compare_all(asked[:1], policy))
    many = _timed(lambda: test.compare_all(asked, policy))
    whole = _timed(lambda: _whole(scores, policy))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain = _timed(lambda: _scipy(test.of("candidate") - test.of("champion"), test.traffic))
    yield f"{QUERIES:,} queries, {RESAMPLES:,} resamples, {scores.num_rows:,} rows of scores\n"
    yield "| | seconds | processor seconds | beside scipy |"
    yield "|---|---|---|---|"
    for name, (seconds, processor) in (
        ("reading the scores", read),
        ("one comparison, with its randomisation test", one),
        (f"all {len(asked)} of a gate, likewise", many),
        ("the whole gate from a Parquet file of these scores, report included", whole),
        ("scipy.stats.bootstrap, one interval, no strata, no test", plain),
    ):
        yield f"| {name} | {seconds:.2f} | {processor:.2f} | {processor / plain[1]:.2f} |"
    yield f"\nat most {peak:.0f} MB in the process before scipy was asked"


def _timed(work: Callable[[], Any]) -> tuple[float, float]:
    start, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - processor


def _whole(scores: pa.Table, policy: Policy) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scores.parquet")
        pq.write_table(scores, file)
        of_scores(file, "candidate", None, policy, Path(folder, "report"))


def _scipy(d: Any, w: Any) -> Any:
    there = ~np.isnan(d)
    return stats.bootstrap(
        (d[there], w[there]), lambda a, b, axis: (a * b).sum(axis) / b.sum(axis), paired=True, vectorized=True,
        n_resamples=RESAMPLES, method="percentile", batch=200, rng=np.random.default_rng(0),
    )  # fmt: skip


def _scores() -> pa.Table:
    """Return scores of every model in every reading, a tenth of the queries without a value."""
    random, n = np.random.default_rng(0), QUERIES
    base = random.uniform(0.3, 0.8, n)
    about = {
        "query_group": [f"q{i:05}" for i in range(n)],
        "traffic": (np.floor(20_000 / np.arange(1, n + 1)) + 1).astype(int),
        "segment": np.where(np.arange(n) < 50, "head", np.where(np.arange(n) < 2000, "torso", "tail")),
        "language": np.array(["hi", "en", "ta", "te", "pa", "bn"])[random.integers(0, 6, n)],
        "seen_before": random.random(n) < 0.7,
        "length": np.array(["1 to 3 letters", "4 to 6 letters", "7 letters or more"])[random.integers(0, 3, n)],
        "item_type": np.array(["song", "artist", "album"])[random.integers(0, 3, n)],
        "release": np.where(random.random(n) < 0.2, "new release", "older"),
    }
    parts = []
    for model in MODELS:
        value = np.where(random.random(n) < 0.1, np.nan, base + random.normal(0, 0.1, n))
        for theta in THETAS:
            for unjudged in UNJUDGED_POLICIES:
                fixed = {
                    "model": model, "block": "test", "role": "test", "theta_variant": theta, "unjudged": unjudged,
                    "metric": METRIC,
                }  # fmt: skip
                columns = {name: pa.array([text] * n) for name, text in fixed.items()}
                columns |= {name: pa.array(values) for name, values in about.items()}
                columns["value"] = pa.array(value, mask=np.isnan(value))
                parts.append(pa.table({name: columns[name] for name in tables.scores.names}).cast(tables.scores))
    return pa.concat_tables(parts)
