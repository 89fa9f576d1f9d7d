"""The families that Spark trains, and both engines of LambdaMART: rows beside time, and one worker beside two.

Rows are made, not the demo's, so that there are enough of them. Spark starts once for each number of cores; XGBoost's
workers are the cores of one machine here, so this shows what spreading costs and not what it can bring.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.settings import Gate
from reprise.training.data import Rows, TrainingData
from reprise.training.family import find_family

QUERIES, DEPTH, FEATURES = 500, 30, 20
SIZES = (1, 4, 16)
FAMILIES = ("linear", "poisson", "logistic", "pairwise", "forest")
TREES = 50


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table: seconds of a fit, Spark already running."""
    del home, plan
    with tempfile.TemporaryDirectory() as folder:
        sets = {size: made(Path(folder), QUERIES * size, size) for size in SIZES}
        yield f"{QUERIES * DEPTH:,} rows × {SIZES}, {FEATURES} features; seconds, and in brackets beside the smallest\n"
        yield f"| | {' | '.join(f'{size}×' for size in SIZES)} |"
        yield "|---|" + "---|" * len(SIZES)
        for master, workers in (("local[1]", 1), ("local[2]", 2), ("local-cluster[2,1,1024]", 2)):
            yield from _on(master, workers, sets)


def made(folder: Path, queries: int, seed: int) -> TrainingData:
    """Return rows whose g rises with the first feature where the second is high, in files and in memory."""
    parts = {role: _rows(queries if role == "train" else queries // 4, seed) for role in ("train", "validation")}
    path = folder / f"{queries}.parquet"
    tables = []
    for role, rows in parts.items():
        fixed = {"block": [role] * len(rows.codes), "role": [role] * len(rows.codes)}
        keys = {"query_group": [f"q{code}" for code in rows.codes], "item": [str(n) for n in range(len(rows.codes))]}
        labels = {"g": pa.array(rows.g, mask=np.isnan(rows.g)), "grade": rows.grade, "weight": rows.weight}
        vectors = {name: rows.vectors[:, column] for column, name in enumerate(rows.names)}
        tables.append(pa.table({**fixed, **keys, **labels, **vectors}))
    pq.write_table(pa.concat_tables(tables), path)
    return TrainingData(parts["train"].names, parts["train"], parts["validation"], [str(path)])


def _rows(queries: int, seed: int) -> Rows:
    random = np.random.default_rng(seed)
    count = queries * DEPTH
    vectors = random.random((count, FEATURES)).astype(np.float32)
    g = np.clip(0.8 * vectors[:, 0] * (vectors[:, 1] > 0.4) + 0.05 * random.standard_normal(count), 0, 1)
    judged = random.random(count) < 0.6
    grade = np.where(judged, np.digitize(g, [0.05, 0.15, 0.3, 0.5]), 0)
    return Rows(
        [f"x{n}" for n in range(FEATURES)], vectors, np.repeat(np.arange(queries), DEPTH), judged,
        np.where(judged, g, np.nan), grade, np.where(judged, 0.9, 0.1), np.ones(count),
    )  # fmt: skip


def _on(master: str, workers: int, sets: dict[int, TrainingData]) -> Iterator[str]:
    """Yield the rows of one Spark; on the cluster of processes XGBoost alone, whose workers it is about."""
    import pyspark
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    if (before := SparkSession.getActiveSession()) is not None:
        before.stop()
    spark = SparkSession.builder.master(master).config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.conf.set("spark.sql.shuffle.partitions", str(workers))
    engine = {"engine": "xgboost", "workers": workers, "trees": TREES}
    cluster = master.startswith("local-cluster")
    ways = {} if cluster else {family: (family, Gate()) for family in FAMILIES}
    ways["lambdamart, XGBoost"] = ("lambdamart", Gate.model_validate({"lambdamart": engine}))
    if master == "local[2]":
        bare = {"trees": TREES, "early_stopping_rounds": TREES}
        ways["lambdamart, LightGBM"] = ("lambdamart", Gate.model_validate({"lambdamart": bare}))
    try:
        for name, (family, gate) in ways.items():
            find_family(family).fit(sets[1], gate)  # classes are loaded, code is warm
            seconds = []
            for data in sets.values():
                start = time.perf_counter()
                find_family(family).fit(data, gate)
                seconds.append(time.perf_counter() - start)
            cells = " | ".join(f"{one:.1f} ({one / seconds[0]:.1f})" for one in seconds)
            yield f"| {name}, `{master}` | {cells} |"
    finally:
        spark.stop()
