"""A random forest of regression trees by Spark ML: expected consumption, unshown rows as 0, no order in its objective.

The baseline between the linear families and LambdaMART: as flexible as trees, but nobody tells it what a ranking is.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reprise.settings import Gate
from reprise.solr import convert_spark
from reprise.training.data import TrainingData
from reprise.training.family import Fitted, shares
from reprise.training.standardised import training_rows

if TYPE_CHECKING:
    from pyspark.ml.regression import RandomForestRegressionModel

_ROWS, _STEPS = 200, 21


class Forest:
    """Averaged trees, each on its own draw of rows, each split on its own draw of features."""

    name = "forest"

    def fit(self, data: TrainingData, settings: Gate) -> Fitted:
        """Return the forest; Solr adds its trees by their weight, which is one over their number."""
        from pyspark.ml.regression import RandomForestRegressor

        chosen = settings.forest
        rows = training_rows(data).cache()
        model = RandomForestRegressor(
            featuresCol="raw", labelCol="target", weightCol="weight", numTrees=chosen.trees, maxDepth=chosen.depth,
            minInstancesPerNode=chosen.min_rows_per_leaf, featureSubsetStrategy=str(chosen.features_share),
            subsamplingRate=chosen.rows_share, maxBins=chosen.bins, seed=chosen.seed,
        ).fit(rows)  # fmt: skip
        rows.unpersist()
        with tempfile.TemporaryDirectory() as there:
            folder = _copied(model, Path(there, "forest"))
            export, native = convert_spark(folder, data.features), _zipped(folder)
        values = model.featureImportances.toArray().tolist()
        fitted = Fitted(
            model=export.model,
            native=("native.zip", native),
            params=chosen.model_dump(),
            importances=shares(dict(zip(data.features, values, strict=True))),
            notes={"misrouted_rows": export.misrouted(data.validation.vectors, data.features)},
        )
        broken = against(fitted, data)
        return replace(fitted, notes={**fitted.notes, **({"against_monotone": broken} if broken else {})}).measured(
            data
        )


def against(fitted: Fitted, data: TrainingData) -> dict[str, float]:
    """Return, for each feature of a known direction, the share of steps in which a score moves the other way.

    Steps are those between neighbouring values of a few over the feature's range, for a few validation rows.
    """
    rows = data.validation
    some = rows.where(np.arange(len(rows.codes)) % max(1, len(rows.codes) // _ROWS) == 0)
    found = {}
    for name, sign in data.monotone.items():
        if not sign or name not in data.features:
            continue
        column = data.features.index(name)
        scores = []
        for value in np.unique(np.quantile(rows.vectors[:, column], np.linspace(0, 1, _STEPS))):
            moved = some.vectors.copy()
            moved[:, column] = value
            scores.append(fitted.scores(replace(some, vectors=moved)))
        steps = sign * np.diff(np.array(scores), axis=0)
        found[name] = float((steps < 0).mean()) if steps.size else 0.0
    return found


def _copied(model: RandomForestRegressionModel, folder: Path) -> Path:
    """Return the folder with the saved model: executors write to the cluster's own file system, not to this disk."""
    from reprise.spark import scratch, session

    spark = session("train")
    with scratch(spark, "forest") as saved:
        model.save(saved)
        path = spark.sparkContext._jvm.org.apache.hadoop.fs.Path  # type: ignore[union-attr]
        files = path(saved).getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
        files.copyToLocalFile(False, path(saved), path(folder.as_uri()), True)
    return folder


def _zipped(folder: Path) -> bytes:
    """Return the folder as a zip whose bytes follow from its content alone."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.writestr(zipfile.ZipInfo(str(path.relative_to(folder))), path.read_bytes())
    return content.getvalue()
