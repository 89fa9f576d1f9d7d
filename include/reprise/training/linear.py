"""Ridge regression of expected consumption on standardised features, by Spark ML; unshown rows count as 0.

With ``components`` the regression sees the features' first principal components instead. Both steps are linear, so the
weights of components are folded back into weights of features (w = V · b), and Solr needs nothing new.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import UsageError
from reprise.settings import Gate, Linear
from reprise.solr import convert_linear, score
from reprise.training.data import Floats, Rows, TrainingData, Vectors
from reprise.training.family import Fitted, shares

if TYPE_CHECKING:
    from pyspark.ml.feature import StandardScalerModel
    from pyspark.ml.regression import LinearRegressionModel


class LinearFamily:
    """A weighted sum of features: the baseline that trees have to beat."""

    name = "linear"

    def fit(self, data: TrainingData, settings: Gate) -> Fitted:
        """Return the ridge solution; standardisation is folded into Solr's weights."""
        scaler, model, folded = _fit(data, settings.linear)
        weights = dict(zip(data.features, folded.tolist(), strict=True))
        means = dict(zip(data.features, scaler.mean.toArray().tolist(), strict=True))
        deviations = dict(zip(data.features, scaler.std.toArray().tolist(), strict=True))
        export = convert_linear(weights, float(model.intercept), means, deviations)
        native = {
            "weights": weights, "intercept": float(model.intercept), "means": means, "deviations": deviations
        }  # fmt: skip
        watched = {"train": data.train.only_judged(), "validation": data.validation.only_judged()}
        return Fitted(
            model=export.model,
            native=("native.json", json.dumps(native, indent=1).encode()),
            params=settings.linear.model_dump(),
            importances=shares(weights),
            curve={name: [rows.metric(_scores(export.model, rows))] for name, rows in watched.items()},
            extra_features=export.extra_features,
            notes={"r2_train": float(model.summary.r2), "rmse_train": float(model.summary.rootMeanSquaredError)},
        )


def _fit(data: TrainingData, chosen: Linear) -> tuple[StandardScalerModel, LinearRegressionModel, Floats]:
    """Return the standardisation, the regression, and its weights by standardised feature."""
    from pyspark.ml.feature import PCA, StandardScaler, VectorAssembler
    from pyspark.ml.regression import LinearRegression
    from pyspark.sql import functions as f

    from reprise.spark import session

    rows = session("train").read.parquet(*data.files).where(f.col("role") == "train")
    rows = rows.withColumn("target", f.coalesce("g", f.lit(0.0))).where("weight > 0")
    assembled = VectorAssembler(inputCols=data.features, outputCol="raw").transform(rows)
    scaler = StandardScaler(inputCol="raw", outputCol="standard", withMean=True, withStd=True).fit(assembled)
    ready = scaler.transform(assembled).select("standard", "target", "weight").cache()
    axes = np.eye(len(data.features))
    if chosen.components:
        if chosen.components > len(data.features):
            raise UsageError(
                f"gate.yaml asks for {chosen.components} components of {len(data.features)} features",
                "lower linear.components",
            )
        rotation = PCA(k=chosen.components, inputCol="standard", outputCol="reduced").fit(ready)
        ready, axes = rotation.transform(ready), rotation.pc.toArray()
    regression = LinearRegression(
        featuresCol="reduced" if chosen.components else "standard", labelCol="target", weightCol="weight",
        regParam=chosen.ridge, standardization=False, solver="normal",
    )  # fmt: skip
    model = regression.fit(ready)
    return scaler, model, axes @ model.coefficients.toArray()


def _scores(model: dict[str, Any], rows: Rows) -> Vectors:
    """Return Solr's scores of rows; the intercept's feature is always 1."""
    ones = np.ones((len(rows.vectors), 1), np.float32)
    return score(model, np.hstack([rows.vectors, ones]), [*rows.names, "intercept"])
