"""Saved Spark ML models score in Solr as Spark predicts; what is no single exact score is refused."""

import numpy as np
import pytest

from reprise.errors import MissingDataError, UsageError
from reprise.solr import convert_spark, score

pytestmark = pytest.mark.spark
NAMES = ["a", "b", "c", "kind"]


@pytest.fixture(scope="module")
def frame(spark):
    """Float32 features of very different sizes, one of them sparse; what is to be learned depends on all."""
    random = np.random.default_rng(4)
    x = np.stack(
        [random.exponential(3e-6, 600), random.random(600), random.normal(0, 100, 600), random.integers(0, 3, 600)], 1
    ).astype(np.float32)
    y = np.log(x[:, 0] + 1e-7) / 10 + 2.0 + x[:, 1] * (x[:, 2] > 5) + (x[:, 3] == 1)
    rows = [(*map(float, row), float(target), float(target > 1.3)) for row, target in zip(x, y, strict=True)]
    return spark.createDataFrame(rows, [*NAMES, "y", "label"]).cache(), x


def saved(folder, frame, estimator, *, before=(), features="raw"):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import VectorAssembler

    assembler = VectorAssembler(inputCols=NAMES, outputCol="raw")
    model = Pipeline(stages=[assembler, *before, estimator.setFeaturesCol(features)]).fit(frame)
    model.save(str(folder))
    return model


def scaled():
    from pyspark.ml.feature import StandardScaler

    return StandardScaler(inputCol="raw", outputCol="x", withMean=True, withStd=True)


def test_trees_forests_and_boosted_trees(tmp_path, frame):
    from pyspark.ml.regression import DecisionTreeRegressor, GBTRegressor, RandomForestRegressor

    rows, x = frame
    for estimator in (
        DecisionTreeRegressor(labelCol="y", maxDepth=6, seed=1),
        RandomForestRegressor(labelCol="y", numTrees=12, maxDepth=5, seed=1),
        GBTRegressor(labelCol="y", maxIter=8, maxDepth=4, seed=1, stepSize=0.3),
    ):
        folder = tmp_path / type(estimator).__name__
        model = saved(folder, rows, estimator)
        expected = [row.prediction for row in model.transform(rows).select("prediction").collect()]

        export = convert_spark(folder)

        assert export.misrouted(x, NAMES) == 0
        np.testing.assert_allclose(score(export.model, x, NAMES), expected, rtol=0, atol=1e-5)


def test_weighted_sums_fold_their_scaling_and_leave_out_their_link(tmp_path, frame):
    from pyspark.ml.classification import LogisticRegression
    from pyspark.ml.regression import GeneralizedLinearRegression, LinearRegression

    rows, x = frame
    for estimator, link in (
        (LinearRegression(labelCol="y", regParam=0.01), lambda row: row.prediction),
        (GeneralizedLinearRegression(labelCol="y", family="gamma", link="log"), lambda row: np.log(row.prediction)),
        (LogisticRegression(labelCol="label", regParam=0.01), lambda row: row.rawPrediction[1]),
        (LogisticRegression(labelCol="label", regParam=0.2, elasticNetParam=1.0), lambda row: row.rawPrediction[1]),
    ):
        folder = tmp_path / f"{type(estimator).__name__}{estimator.getRegParam()}"
        model = saved(folder, rows, estimator, before=[scaled()], features="x")
        expected = [link(row) for row in model.transform(rows).collect()]

        export = convert_spark(folder)

        ones = np.ones((len(x), 1), np.float32)
        found = score(export.model, np.hstack([x, ones]), [*NAMES, "intercept"])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_bare_model_takes_the_names_that_are_given(tmp_path, frame):
    from pyspark.ml.regression import RandomForestRegressor

    rows, _ = frame
    model = saved(tmp_path / "pipeline", rows, RandomForestRegressor(labelCol="y", numTrees=3, seed=1))
    model.stages[-1].save(str(tmp_path / "bare"))

    named = convert_spark(tmp_path / "bare", NAMES)

    assert named == convert_spark(tmp_path / "pipeline")
    unnamed = convert_spark(tmp_path / "bare")
    assert [one["name"] for one in unnamed.model["features"]] == ["f0", "f1", "f2", "f3"]
    with pytest.raises(UsageError, match="the model has 4 features, but 2 names were given"):
        convert_spark(tmp_path / "bare", NAMES[:2])


def test_what_cannot_be_exact_is_refused(tmp_path, frame):
    from pyspark.ml import Pipeline
    from pyspark.ml.classification import LogisticRegression, RandomForestClassifier
    from pyspark.ml.feature import MinMaxScaler, StringIndexer, VectorAssembler
    from pyspark.ml.regression import DecisionTreeRegressor, LinearRegression

    rows, _ = frame
    many = rows.withColumn("label", rows["kind"])
    indexed = StringIndexer(inputCol="kind", outputCol="category").fit(many).transform(many)
    assembler = VectorAssembler(inputCols=["a", "category"], outputCol="raw")
    category = Pipeline(stages=[assembler, DecisionTreeRegressor(featuresCol="raw", labelCol="y")]).fit(indexed)
    category.save(str(tmp_path / "category"))
    saved(tmp_path / "classes", many, LogisticRegression())
    saved(tmp_path / "votes", rows, RandomForestClassifier(numTrees=2))
    saved(tmp_path / "moved", rows, DecisionTreeRegressor(labelCol="y"), before=[scaled()], features="x")
    squeezed = MinMaxScaler(inputCol="raw", outputCol="x")
    saved(tmp_path / "stage", rows, LinearRegression(labelCol="y"), before=[squeezed], features="x")

    for folder, reason in {
        "category": "'category' is split by category",
        "classes": "3 classes has no single score",
        "votes": "RandomForestClassificationModel, which is no model with one score",
        "moved": "trees on scaled features",
        "stage": "MinMaxScalerModel, which Solr cannot repeat",
    }.items():
        with pytest.raises(UsageError, match=reason):
            convert_spark(tmp_path / folder)
    with pytest.raises(MissingDataError, match="is no saved Spark ML model"):
        convert_spark(tmp_path)
