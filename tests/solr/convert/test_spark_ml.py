"""Saved Spark ML models score as Spark predicts, without Spark; what Solr cannot express is refused."""

import importlib
import shutil

import numpy as np
import pytest

from builders.model_edges import ODD, assert_same_scores, edge_vectors
from builders.spark_forest import forest_scores, save_forest
from reprise.errors import MissingDataError, UsageError
from reprise.solr.convert import LinearExport, convert_spark
from reprise.solr.score import check_model, score

pytestmark = pytest.mark.spark

NAMES = ["rate", "share", "loudness", "language"]
ROWS = 300


def features():
    """Return float32 features of very different sizes, one far below Solr's slack, and one with four values."""
    random = np.random.default_rng(4)
    columns = [random.exponential(3e-6, ROWS), random.random(ROWS), random.normal(0, 100, ROWS)]
    return np.stack([*columns, random.integers(0, 4, ROWS)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def rows(spark):
    """Training rows: the features, a positive target, and a label of two and one of three classes."""
    from pyspark.ml.feature import VectorAssembler

    x = features().astype(np.float64)
    target = np.exp(2 * x[:, 1] + 0.002 * x[:, 2] + 1e5 * x[:, 0])
    table = np.column_stack([x, target, (3 * x[:, 1] + 1e5 * x[:, 0]) % 1 > 0.5, np.digitize(x[:, 1], [0.3, 0.6])])
    rows = spark.createDataFrame(table.tolist(), [*NAMES, "target", "yes", "three"]).coalesce(1)
    return VectorAssembler(inputCols=NAMES, outputCol="features").transform(rows).cache()


def prediction(row):
    return row["prediction"]


def logarithm(row):
    return np.log(row["prediction"])


def margin(row):
    return row["rawPrediction"][1]


def difference(row):
    return row["rawPrediction"][1] - row["rawPrediction"][0]


def probability(row):
    return row["probability"][1]


GAMMA = {"labelCol": "target", "family": "gamma"}
TWEEDIE = {"labelCol": "target", "family": "tweedie", "variancePower": 1.5}
SPARSE = {"labelCol": "yes", "regParam": 0.01, "elasticNetParam": 1.0}
TREE, CLASS = ({"labelCol": label, "maxDepth": 4, "seed": 3} for label in ("target", "yes"))

# Every kind that has a form in Solr, and how its score is read from Spark's own prediction.
KINDS = {
    "linear": ("regression.LinearRegression", {"labelCol": "target", "regParam": 0.1}, prediction),
    "gamma": ("regression.GeneralizedLinearRegression", {**GAMMA, "link": "log"}, logarithm),
    "tweedie": ("regression.GeneralizedLinearRegression", {**TWEEDIE, "linkPower": 0.0}, logarithm),
    "logistic": ("classification.LogisticRegression", {"labelCol": "yes"}, margin),
    "sparse logistic": ("classification.LogisticRegression", SPARSE, margin),
    "softmax of two": (
        "classification.LogisticRegression", {"labelCol": "yes", "family": "multinomial", "regParam": 0.1}, difference
    ),
    "support vectors": ("classification.LinearSVC", {"labelCol": "yes", "regParam": 0.01, "maxIter": 3}, margin),
    "tree": ("regression.DecisionTreeRegressor", TREE, prediction),
    "forest": ("regression.RandomForestRegressor", {**TREE, "numTrees": 7}, prediction),
    "boosted": ("regression.GBTRegressor", {**TREE, "maxIter": 5}, prediction),
    "class tree": ("classification.DecisionTreeClassifier", CLASS, probability),
    "class forest": ("classification.RandomForestClassifier", {**CLASS, "numTrees": 7}, probability),
    "class boosted": ("classification.GBTClassifier", {**CLASS, "maxIter": 5}, margin),
}  # fmt: skip


def estimator(name, params):
    """Return an estimator of Spark ML; one can be made only while a session runs."""
    module, _, kind = name.partition(".")
    return getattr(importlib.import_module(f"pyspark.ml.{module}"), kind)(**params)


def solr_scores(export):
    x, names = features(), NAMES
    if isinstance(export, LinearExport):
        x, names = np.column_stack([x, np.ones(ROWS, np.float32)]), [*NAMES, "intercept"]
    return score(export.model, x, names)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_scores_as_spark_predicts(kind, rows, tmp_path):
    name, params, read = KINDS[kind]
    model = estimator(name, params).fit(rows)
    model.save(str(tmp_path / "saved"))
    expected = np.array([read(row) for row in model.transform(rows).collect()])

    export = convert_spark(tmp_path / "saved", NAMES)

    check_model(export.model)
    if not isinstance(export, LinearExport):
        assert export.misrouted(features(), NAMES) == 0
    assert_same_scores(solr_scores(export), expected)


def test_a_forest_goes_where_spark_goes_at_every_threshold(rows, tmp_path):
    """Thresholds are doubles at floats and just beside them; the rows are at the thresholds and beside them."""
    from pyspark.ml.linalg import DenseVector
    from pyspark.ml.regression import RandomForestRegressionModel

    grown = save_forest(tmp_path / "saved", np.random.default_rng(7), 4, 9, [3e-6, 0.25, *ODD])
    export = convert_spark(tmp_path / "saved", NAMES)
    edges = edge_vectors(export.model, 400)
    kept = edges[[export.misrouted(row[None], NAMES) == 0 for row in edges]]
    model = RandomForestRegressionModel.load(str(tmp_path / "saved"))
    frame = rows.sparkSession.createDataFrame([(DenseVector(row.astype(float)),) for row in kept], ["features"])

    expected = np.array([row["prediction"] for row in model.transform(frame).collect()])

    assert len(kept) > 200
    np.testing.assert_allclose(forest_scores(grown, kept), expected, rtol=0, atol=1e-12)
    assert_same_scores(score(export.model, kept, NAMES), expected)


@pytest.mark.parametrize(
    ("kind", "scaled"),
    [
        ("linear", {"withMean": True}),
        ("linear", {"withMean": False}),
        ("boosted", {"withMean": True}),
        ("boosted", {"withMean": True, "withStd": False}),
    ],
)
def test_a_pipeline_names_its_features_and_folds_its_scaling(kind, scaled, rows, tmp_path):
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import StandardScaler, VectorAssembler

    name, params, read = KINDS[kind]
    stages = [
        VectorAssembler(inputCols=NAMES, outputCol="raw"),
        StandardScaler(inputCol="raw", outputCol="scaled", **scaled),
        estimator(name, {**params, "featuresCol": "scaled"}),
    ]
    model = Pipeline(stages=stages).fit(rows)
    model.save(str(tmp_path / "saved"))
    expected = np.array([read(row) for row in model.transform(rows).collect()])

    export = convert_spark(tmp_path / "saved")

    assert [feature["name"] for feature in export.model["features"]][:4] == NAMES
    assert_same_scores(solr_scores(export), expected)


def test_a_threshold_behind_a_scaler_is_where_spark_itself_turns(rows, tmp_path):
    """A stump on a scaled feature: the value Solr still sends left, and the next float32, as Spark sends them."""
    from pyspark.ml import Pipeline
    from pyspark.ml.feature import StandardScaler
    from pyspark.ml.linalg import DenseVector

    scaler = StandardScaler(inputCol="features", outputCol="scaled", withMean=True)
    tree = estimator("regression.DecisionTreeRegressor", {**TREE, "maxDepth": 1, "featuresCol": "scaled"})
    model = Pipeline(stages=[scaler, tree]).fit(rows)
    model.save(str(tmp_path / "saved"))

    root = convert_spark(tmp_path / "saved", NAMES).model["params"]["trees"][0]["root"]

    last = np.float32(root["threshold"]) + np.float32(1e-6)
    ends = np.zeros((2, len(NAMES)))
    ends[:, NAMES.index(root["feature"])] = [last, np.nextafter(last, np.float32(np.inf))]
    pair = rows.sparkSession.createDataFrame([(DenseVector(row),) for row in ends], ["features"])
    sent = [row["prediction"] for row in model.transform(pair).collect()]
    np.testing.assert_allclose(sent, [float(root["left"]["value"]), float(root["right"]["value"])], rtol=1e-6)
    assert sent[0] != sent[1]


REFUSED = {
    "gamma's own link": ("regression.GeneralizedLinearRegression", GAMMA, "'inverse'"),
    "tweedie's own link": ("regression.GeneralizedLinearRegression", TWEEDIE, "'power -0.5'"),
    "three classes": ("classification.LogisticRegression", {"labelCol": "three"}, "3 classes"),
    "a forest of three classes": (
        "classification.RandomForestClassifier", {"labelCol": "three", "numTrees": 2}, "3 classes"
    ),
    "clusters": ("clustering.KMeans", {"k": 2}, "saved KMeansModel"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_solr_cannot_express_is_refused(case, rows, tmp_path):
    name, params, said = REFUSED[case]
    estimator(name, params).fit(rows).save(str(tmp_path / "saved"))

    with pytest.raises(UsageError, match=said):
        convert_spark(tmp_path / "saved", NAMES)


@pytest.mark.parametrize(
    ("stage", "params", "said"),
    [("PCA", {"k": 2}, "stage PCAModel"), ("MinMaxScaler", {}, "stage MinMaxScalerModel")],
)
def test_a_stage_that_cannot_be_folded_in_is_refused(stage, params, said, rows, tmp_path):
    from pyspark.ml import Pipeline

    before = estimator(f"feature.{stage}", {**params, "inputCol": "features", "outputCol": "other"})
    tree = estimator("regression.DecisionTreeRegressor", {**TREE, "featuresCol": "other"})
    Pipeline(stages=[before, tree]).fit(rows).save(str(tmp_path / "saved"))

    with pytest.raises(UsageError, match=said):
        convert_spark(tmp_path / "saved", NAMES)


def test_a_split_by_category_is_refused(rows, tmp_path):
    from pyspark.ml.feature import VectorIndexer
    from pyspark.ml.regression import DecisionTreeRegressor

    indexed = VectorIndexer(inputCol="features", outputCol="indexed", maxCategories=5).fit(rows).transform(rows)
    by_language = indexed.selectExpr("indexed", "cast(language = 2 as double) as wanted")
    DecisionTreeRegressor(labelCol="wanted", featuresCol="indexed").fit(by_language).save(str(tmp_path / "saved"))

    with pytest.raises(UsageError, match="'language' is split by category"):
        convert_spark(tmp_path / "saved", NAMES)


def test_names_must_fit_and_folders_must_hold_a_whole_model(rows, tmp_path):
    estimator(*KINDS["forest"][:2]).fit(rows).save(str(tmp_path / "saved"))

    unnamed = convert_spark(tmp_path / "saved")
    assert [one["name"] for one in unnamed.model["features"]] == ["f0", "f1", "f2", "f3"]
    with pytest.raises(UsageError, match="4 features, but 3 names"):
        convert_spark(tmp_path / "saved", NAMES[:3])
    with pytest.raises(UsageError, match="given twice"):
        convert_spark(tmp_path / "saved", ["a", "a", "b", "c"])
    with pytest.raises(MissingDataError, match="no folder"):
        convert_spark(tmp_path / "nowhere", NAMES)
    with pytest.raises(UsageError, match="holds no saved Spark ML model"):
        convert_spark(tmp_path, NAMES)
    shutil.rmtree(tmp_path / "saved" / "data")
    with pytest.raises(MissingDataError, match=r"has no .*data"):
        convert_spark(tmp_path / "saved", NAMES)
