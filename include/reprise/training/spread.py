"""LambdaMART on several machines: XGBoost's Spark ranker, for training sets that one machine does not hold.

Every row counts alike here: a ranker takes one weight a query, and XGBoost's Spark door hands over one a row, which its
own check refuses (3.2). The gain of a grade is the same as LightGBM's. Validation rows stay in this process: how many
trees are kept is decided as ever, by the deciding metric, once all are grown: callbacks run on the workers, which
Spark gives no way to tell this process anything before they end, so no trial can be stopped early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import UsageError
from reprise.settings import Gate
from reprise.settings.families import LightGbm
from reprise.solr import convert_xgboost
from reprise.training.data import Rows, TrainingData
from reprise.training.family import Fitted, shares
from reprise.training.standardised import training_rows

if TYPE_CHECKING:
    import xgboost
    from pyspark.sql import Column, DataFrame, SparkSession


def fit_spread(data: TrainingData, settings: Gate, chosen: LightGbm, gains: list[float]) -> Fitted:
    """Return the trees up to validation's best round; ``gains``: of grades 0–4. Same rows and workers, same trees."""
    from xgboost.spark import SparkXGBRanker

    from reprise.spark import session

    _check_workers(session("train"), chosen.workers)
    ranker = SparkXGBRanker(
        features_col="raw", label_col="gain", qid_col="qid", num_workers=chosen.workers,
        n_estimators=chosen.trees, **parameters(data, chosen),
    )  # fmt: skip
    booster = ranker.fit(_graded(data, settings, chosen.newness, gains)).get_booster()
    watched = {"train": data.train.only_judged(), "validation": data.validation.only_judged()}
    curve = {name: _curve(booster, rows, chosen.trees) for name, rows in watched.items()}
    rounds = int(np.argmax(curve["validation"])) + 1
    kept = booster[:rounds]
    text = kept.save_raw("json").decode()
    export = convert_xgboost(text, data.features)
    by_column = kept.get_score(importance_type="total_gain")
    found = {name: float(np.sum(by_column.get(f"f{column}", 0.0))) for column, name in enumerate(data.features)}
    return Fitted(
        model=export.model,
        native=("native.json", text.encode()),
        params={**chosen.model_dump(), "best_round": rounds},
        importances=shares(found),
        curve=curve,
        notes={"misrouted_rows": export.misrouted(data.validation.vectors, data.features)},
    )


def parameters(data: TrainingData, chosen: LightGbm) -> dict[str, Any]:
    """Return XGBoost's parameters that stand for LightGBM's: leaf-wise trees of so many leaves, gains as they are."""
    signs = [data.monotone.get(name, 0) for name in data.features]
    return {
        "objective": "rank:ndcg",
        "ndcg_exp_gain": False,
        "tree_method": "hist",
        "grow_policy": "lossguide",
        "max_depth": 0,
        "max_leaves": chosen.leaves,
        "learning_rate": chosen.learning_rate,
        "colsample_bytree": chosen.features_share,
        "seed": chosen.seed,
        **({"monotone_constraints": f"({','.join(map(str, signs))})"} if any(signs) else {}),
    }


def _graded(data: TrainingData, settings: Gate, newness: float, gains: list[float]) -> DataFrame:
    """Return the training rows with ``gain`` of their grade and ``qid``, the number of their query.

    A query that was drawn several times is as many queries: nothing here weighs more than another.
    """
    from pyspark.sql import functions as f

    rows = training_rows(data)
    if newness:
        rows = rows.withColumn("grade", _mixed(data, settings, newness))
    times = data.draw.column() if data.draw else f.lit(1)
    rows = rows.withColumn("copy", f.explode(f.sequence(f.lit(1), times.cast("int"))))
    key = ["block", "query_group", "copy"]
    numbered = (
        rows.select(*key).distinct().orderBy(*key).rdd.zipWithIndex().map(lambda pair: (*pair[0], pair[1]))
        .toDF([*key, "qid"])
    )  # fmt: skip
    gain = f.element_at(f.array(*map(f.lit, gains)), f.col("grade").cast("int") + 1)
    return rows.join(numbered, key).withColumn("gain", gain).select("raw", "gain", "qid")


def _mixed(data: TrainingData, settings: Gate, newness: float) -> Column:
    """Return the grade that ``labels.mixed`` gives."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as f

    age = vector_to_array(f.col("raw"), "float32")[data.features.index(data.age)]
    new = f.when(age <= settings.tuning.new_days, 1.0).otherwise(0.0)
    g = (1 - newness) * f.col("target") + newness * new
    return sum(((g >= cut).cast("int") for cut in settings.judging.grade_cuts), f.lit(0))


def _curve(booster: xgboost.Booster, rows: Rows, rounds: int) -> list[float]:
    import xgboost

    matrix, total, found = xgboost.DMatrix(rows.vectors), np.zeros(len(rows.codes), np.float32), []
    metric = rows.repeated()
    for tree in range(rounds):
        total = total + booster.predict(matrix, output_margin=True, iteration_range=(tree, tree + 1))
        found.append(metric(total))
    return found


def _check_workers(spark: SparkSession, workers: int) -> None:
    """All workers run at once or none does; Spark would look for room for ten minutes before it says so."""
    sc = spark.sparkContext
    if sc.getConf().get("spark.dynamicAllocation.enabled", "false") == "true":
        raise UsageError(
            "XGBoost's workers need executors that stay, and this Spark hands them out and takes them back",
            "set spark.dynamicAllocation.enabled=false and spark.executor.instances",
        )
    if str(sc.master).startswith("local[") and sc.defaultParallelism < workers:
        raise UsageError(
            f"gate.yaml asks for {workers} workers, but Spark runs here on {sc.defaultParallelism} cores",
            "lower lambdamart.workers",
        )
