"""Training rows as Spark ML's linear models want them: standardised features, a target and a weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reprise.errors import UsageError
from reprise.settings.families import Ridge
from reprise.training.data import Floats, TrainingData

if TYPE_CHECKING:
    from pyspark.ml.feature import StandardScalerModel
    from pyspark.sql import DataFrame

KEY = ("block", "query_group", "item")


@dataclass(frozen=True)
class Standardised:
    """Rows with the key, ``x`` (vector), ``target`` (g, unshown 0) and ``weight``; and the way back to features.

    ``axes`` is features × columns of ``x``: weights of ``x`` become weights of standardised features by ``axes @ w``.
    """

    rows: DataFrame
    means: Floats
    deviations: Floats
    axes: Floats


def standardised(data: TrainingData, settings: Ridge, family: str) -> Standardised:
    """Return the training rows that weigh anything, standardised, reduced to principal components where asked."""
    from pyspark.ml.feature import PCA

    scaler, rows = _scaled(data)
    axes = np.eye(len(data.features))
    if settings.components:
        if settings.components > len(data.features):
            raise UsageError(
                f"gate.yaml asks for {settings.components} components of {len(data.features)} features",
                f"lower {family}.components",
            )
        rotation = PCA(k=settings.components, inputCol="x", outputCol="reduced").fit(rows)
        rows, axes = rotation.transform(rows).drop("x").withColumnRenamed("reduced", "x"), rotation.pc.toArray()
    return Standardised(rows.cache(), scaler.mean.toArray(), scaler.std.toArray(), axes)


def training_rows(data: TrainingData) -> DataFrame:
    """Return the training rows of weight above 0: key, ``raw`` (vector of features), ``target``, ``grade``, weight."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import functions as f

    from reprise.spark import session

    rows = session("train").read.parquet(*data.files).where(f.col("role") == "train")
    rows = rows.withColumn("target", f.coalesce("g", f.lit(0.0))).where("weight > 0")
    if data.traffic_power:
        rows = rows.withColumn("weight", f.col("weight") * f.pow(f.col("traffic"), f.lit(data.traffic_power)))
    if data.draw:
        rows = data.draw.weigh(rows)
    assembled = VectorAssembler(inputCols=data.features, outputCol="raw").transform(rows)
    return assembled.select(*KEY, "raw", "target", "grade", "weight")


def _scaled(data: TrainingData) -> tuple[StandardScalerModel, DataFrame]:
    from pyspark.ml.feature import StandardScaler

    assembled = training_rows(data)
    scaler = StandardScaler(inputCol="raw", outputCol="x", withMean=True, withStd=True).fit(assembled)
    return scaler, scaler.transform(assembled).select(*KEY, "x", "target", "weight")
