"""Converted models of every library, on vectors made to part them, score in a running Solr as offline, bit for bit."""

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders.model_edges import NOT_FINITE, ODD, assert_same_scores, edge_vectors
from builders.ranklib import FOREST, LAMBDAMART, ensemble, ranklib_scores
from builders.solr_core import client_of
from builders.spark_forest import forest_scores, save_forest
from reprise.errors import UsageError
from reprise.solr import convert_lightgbm, convert_linear, convert_ranklib, convert_spark, convert_xgboost, score
from reprise.solr.numbers import parse_float32
from reprise.solr.score import LINEAR, TREES

pytestmark = pytest.mark.solr

NAMES = ["rate", "share", "loudness"]
STORE = [
    {"name": name, "class": "org.apache.solr.ltr.feature.FieldValueFeature", "params": {"field": f"beh_{name}"}}
    for name in NAMES
]
ONE = {"name": "intercept", "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 1}}
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
ROWS = 60


@pytest.fixture(scope="module")
def client(module_core):
    with client_of(module_core) as client:
        client.put_features("conversion", [*STORE, ONE])
        yield client


def java(value):
    """Return a float32 as Java reads it."""
    return str(value).replace("nan", "NaN").replace("inf", "Infinity")


def solr_scores(client, models, vectors):
    """Return Solr's score of each row by each model, rows × models; the rows are documents while it lasts."""
    client.post("/update", {"delete": {"query": "*:*"}})
    fields = [f"beh_{name}" for name in NAMES]
    rows = [dict(zip(fields, map(java, row), strict=True)) for row in vectors]
    client.add({"id": f"row:{n}", "entity": "row", "title": "row", **row} for n, row in enumerate(rows))
    found = np.full((len(vectors), len(models)), np.nan, np.float32)
    for column, model in enumerate(models):
        client.put_model({**model, "name": f"model_{column}", "store": "conversion"})
        rq = f"{{!ltr model=model_{column} reRankDocs={len(vectors)}}}"
        answer = client.select({"q": "*:*", "rq": rq, "rows": len(vectors), "fl": "id,score"}).body
        client.delete_model(f"model_{column}")
        for document in answer["response"]["docs"]:
            found[int(document["id"][4:]), column] = np.float32(document["score"])
    return found


def assert_solr_agrees(client, models, vectors):
    """Ensure Solr's scores are the offline scorer's, to the last bit (NaN is NaN)."""
    with_one = np.column_stack([vectors, np.ones(len(vectors), np.float32)])
    expected = np.stack([score(model, with_one, [*NAMES, "intercept"]) for model in models], axis=1)
    np.testing.assert_array_equal(solr_scores(client, models, vectors), expected)


def grown(seed, values, folder):
    """Return a model of each library over vectors of these values, converted, and what the library predicts."""
    random = np.random.default_rng(seed)
    x = random.choice(np.array([*values, *ODD], np.float32), (80, 3))
    y = random.normal(size=80)
    names = {"feature_name": list(NAMES), "params": {"min_data_in_bin": 1, "verbose": -1}}
    quiet = {"verbose": -1, "use_missing": False, "min_data_in_leaf": 1, "num_leaves": 8, "num_threads": 1}
    booster = lightgbm.train(quiet, lightgbm.Dataset(x.copy(), y.copy(), **names), 5)
    deep = {"max_depth": 4, "nthread": 1, "tree_method": "exact", "min_child_weight": 0, "booster": "dart"}
    trees = xgboost.train(deep | {"rate_drop": 0.4}, xgboost.DMatrix(x, y, feature_names=NAMES), 5)
    mart = LAMBDAMART + ensemble(random, 3, 5, [*values, *ODD])
    bags = FOREST + "".join(ensemble(random, 3, 2, [*values, *ODD], weight="1.0") for _ in range(3))
    forest = save_forest(folder, random, 3, 7, [*values, *ODD])
    return [
        (convert_lightgbm(booster.model_to_string()), lambda rows: booster.predict(rows.astype(np.float64))),
        (
            convert_xgboost(trees.save_raw("json").decode()),
            lambda rows: trees.predict(xgboost.DMatrix(rows, feature_names=NAMES), output_margin=True),
        ),
        (convert_ranklib(mart, NAMES), lambda rows: ranklib_scores(mart, rows)),
        (convert_ranklib(bags, NAMES), lambda rows: ranklib_scores(bags, rows)),
        (convert_spark(folder, NAMES), lambda rows: forest_scores(forest, rows)),
    ]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32), st.lists(FINITE, min_size=1, max_size=12))
def test_models_of_all_libraries_score_in_solr_as_offline_and_as_at_home(client, tmp_path_factory, seed, values):
    models = grown(seed, values, tmp_path_factory.mktemp("forest"))
    vectors = np.concatenate([edge_vectors(export.model, ROWS, seed) for export, _ in models])

    weights = {"rate": 0.1, "share": -0.01, "loudness": 1e-3}  # no sum of the largest floats is beyond float32
    linear = convert_linear(weights, intercept=0.3).model
    assert_solr_agrees(client, [linear, *(export.model for export, _ in models)], vectors)

    for export, predict in models:
        kept = vectors[[export.misrouted(row[None], NAMES) == 0 for row in vectors]]
        assert len(kept) > ROWS
        assert_same_scores(score(export.model, kept, NAMES), predict(kept))


def test_values_that_are_not_finite_score_in_solr_as_offline(client, tmp_path):
    """Infinities take their side; NaN goes right at every split, in Solr and offline, whatever the library does."""
    models = [export.model for export, _ in grown(8, [3e-6, 0.5], tmp_path / "forest")]

    vectors = np.concatenate([edge_vectors(model, ROWS, 1, NOT_FINITE) for model in models])

    assert np.isnan(vectors).any()
    assert np.isinf(vectors).any()
    assert_solr_agrees(client, models, vectors)


def test_decimals_of_any_length_are_read_as_solr_reads_them(client):
    """Middles of two floats, to 17 digits, as libraries print their thresholds: rounded twice, some come out lower."""
    floats = np.random.default_rng(2).normal(size=60).astype(np.float32)
    texts = [f"{(float(low) + float(np.nextafter(low, np.float32(9)))) / 2:.17g}" for low in floats]
    assert any(parse_float32(text) != np.float32(text) for text in texts)
    split = {"feature": "rate", "left": {"value": "-1"}}
    trees = [{"weight": "1", "root": {**split, "threshold": text, "right": {"value": text}}} for text in texts]
    model = {"class": TREES, "features": [{"name": "rate"}], "params": {"trees": trees}}

    assert_solr_agrees(client, [model], edge_vectors({**model, "features": [{"name": n} for n in NAMES]}, 200))


def test_a_model_that_solr_would_take_and_score_0_is_never_sent(client):
    """Solr itself takes a tree that names a feature the model does not list."""
    lists = {"class": "org.apache.solr.ltr.model.MultipleAdditiveTreesModel", "features": [{"name": "rate"}]}
    split = {"feature": "loudness", "threshold": "1", "left": {"value": "1"}, "right": {"value": "2"}}
    bad = {**lists, "params": {"trees": [{"weight": "1", "root": split}]}, "name": "bad", "store": "conversion"}
    zero = {"class": LINEAR, "features": [{"name": "rate"}], "params": {"weights": {"rate": 0.0}}}

    for model in (bad, {**zero, "name": "zero", "store": "conversion"}):
        with pytest.raises(UsageError, match=r"does not list|every weight"):
            client.put_model(model)
    assert client.models() == []

    client.post("/schema/model-store", bad)
    assert [model["name"] for model in client.models()] == ["bad"]
    client.delete_model("bad")
