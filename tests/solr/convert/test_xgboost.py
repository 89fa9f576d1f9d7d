"""XGBoost's models score as its own margin, bit for bit; what Solr cannot express is refused."""

import json

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.model_edges import ODD, edge_vectors
from reprise.errors import UsageError
from reprise.solr.convert import LinearExport, convert_xgboost
from reprise.solr.score import check_model, score

NAMES = ["rate", "share", "loudness", "language"]
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
POSITIVE = ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox")
OBJECTIVES = [
    "reg:squarederror", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror", "reg:logistic",
    "binary:logistic", "binary:logitraw", "binary:hinge", *POSITIVE, "rank:pairwise", "rank:ndcg", "rank:map",
]  # fmt: skip


def vectors(rows=300):
    """Return float32 features of very different sizes, one far below Solr's slack."""
    random = np.random.default_rng(4)
    columns = [random.exponential(3e-6, rows), random.random(rows), random.normal(0, 100, rows)]
    return np.stack([*columns, random.integers(0, 4, rows)], axis=1).astype(np.float32)


def train(x, label, rounds=15, names=NAMES, **params):
    data = xgboost.DMatrix(x, label, feature_names=names)
    if params.get("objective", "").startswith("rank:"):
        data.set_group([10] * (len(x) // 10))
    return xgboost.train({"max_depth": 4, "eta": 0.3, "nthread": 1, "verbosity": 0, **params}, data, rounds)


def saved(booster):
    return booster.save_raw("json").decode()


def margin(booster, x, names=NAMES):
    return booster.predict(xgboost.DMatrix(x, feature_names=names), output_margin=True)


@pytest.mark.parametrize("base", [None, 0.3])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_scores_equal_the_margin_bit_for_bit_with_every_objective(objective, base):
    x = vectors()
    label = x[:, 1] + 0.1 + 1e4 * x[:, 0] if objective in POSITIVE else (x[:, 1] + 1e5 * x[:, 0] > 0.7) * 1.0
    booster = train(x, label, objective=objective, **({"base_score": base} if base else {}))

    export = convert_xgboost(saved(booster))

    assert export.misrouted(x, NAMES) == 0
    assert score(export.model, x, NAMES).tobytes() == margin(booster, x).tobytes()


SHAPES = {
    "dart": {"booster": "dart", "rate_drop": 0.5},
    "a forest": {"num_parallel_tree": 5, "subsample": 0.5, "colsample_bynode": 0.5, "eta": 1.0},
    "leaf by leaf": {"grow_policy": "lossguide", "max_depth": 0, "max_leaves": 12},
    "exact": {"tree_method": "exact"},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_boosters_of_other_shapes_score_the_same(shape):
    x = vectors()
    booster = train(x, x[:, 1] * (x[:, 3] > 1) + 1e5 * x[:, 0], rounds=4, **SHAPES[shape])
    export = convert_xgboost(saved(booster))
    edges = edge_vectors(export.model, 500)

    kept = np.array([export.misrouted(row[None], NAMES) == 0 for row in edges])
    assert kept.sum() > 300
    assert score(export.model, edges[kept], NAMES).tobytes() == margin(booster, edges[kept]).tobytes()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(FLOATS, st.sampled_from(ODD), st.floats(-3, 3, width=32)), min_size=8, max_size=40),
    st.integers(0, 2**16),
)
def test_any_float32_features_are_routed_as_xgboost_routes_them(rows, seed):
    table = np.array(rows, dtype=np.float32)
    booster = train(table[:, :2], table[:, 2], rounds=3, names=["a", "b"], tree_method="exact", min_child_weight=0)

    export = convert_xgboost(saved(booster))

    edges = np.concatenate([edge_vectors(export.model, 200, seed), table[:, :2]])
    kept = np.array([export.misrouted(row[None], ["a", "b"]) == 0 for row in edges])
    expected = margin(booster, edges[kept], ["a", "b"])
    assert score(export.model, edges[kept], ["a", "b"]).tobytes() == expected.tobytes()


def test_a_model_that_saw_missing_values_scores_complete_vectors_the_same_and_reads_nan_as_solr_does():
    x = vectors()
    holes = np.where(np.random.default_rng(2).random(x.shape) < 0.3, np.float32(np.nan), x)
    booster = train(holes, x[:, 1] * (x[:, 3] > 1) - 1e5 * x[:, 0])

    model = convert_xgboost(saved(booster)).model

    assert score(model, x, NAMES).tobytes() == margin(booster, x).tobytes()
    highest = np.where(np.isnan(holes), np.float32(3e38), holes)  # right at every split, as NaN in Solr
    assert score(model, holes, NAMES).tobytes() == margin(booster, highest).tobytes()
    assert (score(model, holes, NAMES) != margin(booster, holes)).any()


def test_a_linear_booster_is_a_weighted_sum():
    x = vectors()
    booster = train(x, x[:, 1] * 3, booster="gblinear", updater="coord_descent", base_score=0.25)

    export = convert_xgboost(saved(booster))

    assert isinstance(export, LinearExport)
    ones = np.ones((len(x), 1), np.float32)
    found = score(export.model, np.hstack([x, ones]), [*NAMES, "intercept"])
    np.testing.assert_allclose(found, margin(booster, x), rtol=1e-5, atol=1e-5)


def test_names_are_the_models_own_or_those_given_or_numbers():
    x = vectors()
    bare = saved(train(x, x[:, 1], names=None))

    def names(text, given=None):
        return [feature["name"] for feature in convert_xgboost(text, given).model["features"]]

    assert names(saved(train(x, x[:, 1]))) == NAMES
    assert names(bare) == ["f0", "f1", "f2", "f3"]
    assert names(bare, NAMES) == NAMES
    with pytest.raises(UsageError, match="4 features, but 2 names"):
        names(bare, ["a", "b"])


def by_category(x, y):
    types = ["q", "q", "q", "c"]
    data = xgboost.DMatrix(x, (x[:, 3] == 2) * 1.0, feature_names=NAMES, feature_types=types, enable_categorical=True)
    return xgboost.train({"max_cat_to_onehot": 1}, data, 2)


REFUSED = {
    "categories": (by_category, "'language' is split by category"),
    "classes": (lambda x, y: train(x, x[:, 3], objective="multi:softprob", num_class=4), "classes or targets"),
    "targets": (lambda x, y: train(x, np.column_stack([y, y]), names=NAMES), "classes or targets"),
    "vectors in leaves": (
        lambda x, y: train(x, np.column_stack([y, y]), multi_strategy="multi_output_tree"), "classes or targets"
    ),
    "no rounds": (lambda x, y: train(x, y, rounds=0, base_score=0.0), "no trees"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_solr_cannot_express_is_refused(case):
    make, said = REFUSED[case]
    x = vectors()

    with pytest.raises(UsageError, match=rf"^[^(]*{said}"):
        convert_xgboost(saved(make(x, x[:, 1])))


def test_an_objective_of_another_kind_is_refused():
    x = vectors()
    model = json.loads(saved(train(x, x[:, 1])))
    model["learner"]["objective"]["name"] = "mine"

    with pytest.raises(UsageError, match="'mine' is not known"):
        convert_xgboost(json.dumps(model))


def test_a_damaged_model_is_refused():
    x = vectors()
    model = json.loads(saved(train(x, x[:, 1])))
    tree = model["learner"]["gradient_booster"]["model"]["trees"][0]
    tree["left_children"][0] = 0

    with pytest.raises(UsageError, match="leads back to its node 0"):
        convert_xgboost(json.dumps(model))
    tree["left_children"][0] = 9999
    with pytest.raises(UsageError, match="lacks its node 9999"):
        convert_xgboost(json.dumps(model))
    for text in ("{}", "[]", "no", '{"learner": {}}', '{"learner": 3}'):
        with pytest.raises(UsageError, match="not a whole XGBoost"):
            convert_xgboost(text)


def test_a_converted_model_passes_the_check():
    x = vectors()
    check_model(convert_xgboost(saved(train(x, x[:, 1]))).model)
