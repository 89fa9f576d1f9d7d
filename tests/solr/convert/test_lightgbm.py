"""Converted models score as LightGBM predicts, and what Solr cannot express is refused."""

import json

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.model_edges import assert_same_scores
from reprise.errors import UsageError
from reprise.solr.convert import convert_lightgbm
from reprise.solr.numbers import NODE_SPLIT_SLACK, solr_threshold
from reprise.solr.score import check_model, score

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def train(features, target, rounds=20, **params):
    settings = {"objective": "regression", "num_leaves": 15, "min_data_in_leaf": 2, "use_missing": False, **params}
    names = [f"f{column}" for column in range(features.shape[1])]
    data = lightgbm.Dataset(
        features.copy(), target.copy(), feature_name=names, params={"min_data_in_bin": 1, "verbose": -1}
    )
    return lightgbm.train({**settings, "verbose": -1, "num_threads": 1, "seed": 1}, data, rounds)


def vectors(rows=400, seed=3):
    """Return float32 features of very different sizes, among them one that lives far below Solr's slack."""
    random = np.random.default_rng(seed)
    columns = [
        random.exponential(3e-6, rows),
        random.random(rows),
        random.normal(0, 100, rows),
        random.integers(0, 4, rows),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def test_a_converted_model_scores_as_lightgbm_predicts_even_with_features_below_the_slack():
    features = vectors()
    target = np.log(features[:, 0] + 1e-9) + features[:, 1] * features[:, 3]
    booster = train(features, target, rounds=60)

    export = convert_lightgbm(booster.model_to_string())

    assert export.misrouted(features, booster.feature_name()) == 0
    expected = booster.predict(features.astype(np.float64))
    actual = score(export.model, features, booster.feature_name())
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)


def test_the_order_of_well_separated_scores_is_kept():
    features = vectors(seed=5)
    booster = train(features, np.log(features[:, 0] + 1e-9), rounds=40)
    expected = booster.predict(features.astype(np.float64))

    actual = score(convert_lightgbm(booster.model_to_string()).model, features, booster.feature_name())

    order = np.argsort(expected)
    apart = np.diff(expected[order]) > 1e-4
    assert apart.sum() > 50
    assert (np.diff(actual[order])[apart] > 0).all()


def test_without_the_compensation_tiny_features_would_take_the_wrong_branch():
    features = vectors()
    booster = train(features, np.log(features[:, 0] + 1e-9), rounds=10)
    model = convert_lightgbm(booster.model_to_string()).model

    def undo(node):
        if "value" not in node:
            node["threshold"] = str(np.float32(node["threshold"]) + NODE_SPLIT_SLACK)
            undo(node["left"])
            undo(node["right"])

    for tree in model["params"]["trees"]:
        undo(tree["root"])
    naive = score(model, features, booster.feature_name())

    assert np.abs(naive - booster.predict(features.astype(np.float64))).max() > 0.1


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(FLOATS, FLOATS, st.floats(-3, 3, width=32)), min_size=8, max_size=40),
    st.integers(0, 2**16),
)
def test_any_float32_features_are_routed_as_lightgbm_routes_them(rows, seed):
    table = np.array(rows, dtype=np.float32)
    features, target = table[:, :2], table[:, 2]
    booster = train(features, target, rounds=3, min_data_in_leaf=1, num_leaves=6, seed=seed)

    export = convert_lightgbm(booster.model_to_string())

    exact = np.array([export.misrouted(row[None], ["f0", "f1"]) == 0 for row in features])
    expected = booster.predict(features.astype(np.float64))
    actual = score(export.model, features, ["f0", "f1"])
    np.testing.assert_allclose(actual[exact], expected[exact], rtol=1e-5, atol=1e-5)


def test_a_split_that_cannot_be_exact_is_reported_and_rows_on_it_are_counted():
    random = np.random.default_rng(0)
    features = (random.integers(0, 2, (60, 1)) * 3.3e-7 + 1.03e-7).astype(np.float32)
    booster = train(features, features[:, 0] * 1e7, rounds=1, num_leaves=2)
    dump = booster.dump_model()["tree_info"][0]["tree_structure"]
    _, effective, wanted = solr_threshold(dump["threshold"])

    export = convert_lightgbm(booster.model_to_string())

    assert [(split.low, split.high) for split in export.inexact] == [(float(effective), float(wanted))]
    assert export.misrouted(features, ["f0"]) == 0
    assert export.misrouted(np.array([[wanted], [effective], [0.5]]), ["f0"]) == 1


def test_a_tree_that_never_split_is_a_single_leaf():
    booster = train(np.ones((50, 1), dtype=np.float32), np.full(50, 2.5), rounds=1)

    model = convert_lightgbm(booster.model_to_string()).model

    assert model["params"]["trees"] == [{"weight": "1", "root": {"value": "2.5"}}]
    assert score(model, [[1.0], [7.0]], ["f0"]).tolist() == [2.5, 2.5]


def test_every_number_in_a_tree_is_shortest_float32_text():
    features = vectors()
    model = convert_lightgbm(train(features, features[:, 1]).model_to_string()).model

    def texts(node):
        if "value" in node:
            return [node["value"]]
        return [node["threshold"], *texts(node["left"]), *texts(node["right"])]

    written = [text for tree in model["params"]["trees"] for text in texts(tree["root"])]
    assert len(written) > 100
    assert written == [str(np.float32(text)) for text in written]


def with_missing(features):
    holes = features.astype(np.float64)
    holes[::3, 0] = np.nan
    return holes


REFUSED = {
    "linear_tree": (lambda x, y: train(x.astype(np.float64), y, linear_tree=True), "linear_tree=false"),
    "missing": (
        lambda x, y: train(with_missing(x), np.where(np.arange(len(x)) % 3, y, 5.0), use_missing=True),
        "use_missing=false",
    ),
    "zero": (lambda x, y: train(x, y, use_missing=True, zero_as_missing=True), "zero_as_missing=false"),
    "classes": (
        lambda x, y: train(x, np.digitize(y, [0.3, 0.6]), objective="multiclass", num_class=3),
        "train a ranker or regressor",
    ),
    "categories": (
        lambda x, y: train(x, np.where(x[:, 3] == 2, 9.0, y), categorical_feature=[3], min_data_per_group=1),
        "as numbers",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_solr_cannot_express_is_refused_with_a_remedy(case):
    make, remedy = REFUSED[case]
    features = vectors()
    text = make(features, features[:, 1].astype(np.float64)).model_to_string()

    with pytest.raises(UsageError) as refusal:
        convert_lightgbm(text)

    assert remedy in refusal.value.remedy


def test_text_that_is_no_model_is_a_usage_error():
    with pytest.raises(UsageError, match="not a whole LightGBM model"):
        convert_lightgbm("tree\nversion=none")


def test_a_random_forest_is_averaged():
    features = vectors()
    booster = train(features, features[:, 1], boosting="rf", bagging_fraction=0.5, bagging_freq=1)

    export = convert_lightgbm(booster.model_to_string())

    assert_same_scores(score(export.model, features, booster.feature_name()), booster.predict(features))


def test_the_dump_is_the_same_model_as_the_text():
    features = vectors()
    booster = train(features, features[:, 1])

    dumped = convert_lightgbm(json.dumps(booster.dump_model()))

    assert convert_lightgbm(booster.model_to_string()) == dumped
    assert json.dumps(convert_lightgbm(booster.model_to_string(), ["a", "b", "c", "d"]).model).count('"name"') == 4


def test_a_dump_that_is_cut_or_something_else_is_refused():
    for text in ("{", "[1]", '{"a": 1}', '{"tree_info": [], "num_class": 1}', "{" * 5000):
        with pytest.raises(UsageError, match="not a whole LightGBM model"):
            convert_lightgbm(text)


def test_a_converted_model_passes_the_check():
    features = vectors()
    check_model(convert_lightgbm(train(features, features[:, 1]).model_to_string()).model)
