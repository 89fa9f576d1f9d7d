"""Contributions of features against Shapley's own definition, LightGBM's TreeSHAP, and the scores they add up to."""

from itertools import permutations

import lightgbm
import numpy as np
import pytest

from reprise.solr import convert_lightgbm, convert_linear, score
from reprise.solr.shapley import contributions

NAMES = ["a", "b", "c", "d"]


def by_definition(model, row, other, names):
    """The mean over all orders of features of what each one's value changes, one background row."""
    orders = list(permutations(range(len(names))))
    hybrids, steps = [], []
    for order in orders:
        mixed = other.copy()
        hybrids.append(mixed.copy())
        for column in order:
            mixed[column] = row[column]
            hybrids.append(mixed.copy())
            steps.append(column)
    scores = score(model, np.array(hybrids), names).astype(float).reshape(len(orders), -1)
    changes = np.diff(scores, axis=1).ravel()
    return np.bincount(steps, weights=changes) / len(orders)


@pytest.fixture(scope="module")
def trees():
    """Trees that use features again and again on one path."""
    random = np.random.default_rng(3)
    x = random.random((400, 4)).astype(np.float32)
    y = x[:, 0] * (x[:, 1] > 0.4) - abs(x[:, 2] - 0.5) + 0.05 * random.standard_normal(400)
    params = {"num_leaves": 12, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "use_missing": False}
    booster = lightgbm.train(params, lightgbm.Dataset(x, y, feature_name=NAMES), 8)
    return booster, convert_lightgbm(booster.model_to_string()).model, x


def test_shapleys_definition_of_trees(trees):
    _, model, x = trees
    ours, background = x[:6], x[100:103]

    found = np.column_stack(list(contributions(model, ours, background, NAMES).values()))

    expected = [np.mean([by_definition(model, row, other, NAMES) for other in background], axis=0) for row in ours]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_shapleys_definition_of_a_weighted_sum():
    export = convert_linear({"a": 0.5, "b": -2.0}, 0.75, {"a": 1.0, "b": 0.0}, {"a": 2.0, "b": 1.0})
    x = np.random.default_rng(1).random((5, 2)).astype(np.float32)
    names = ["a", "b", "intercept"]
    rows = np.hstack([x, np.ones((5, 1), np.float32)])

    found = contributions(export.model, rows[:2], rows[2:3], names)

    for n in range(2):
        expected = by_definition(export.model, rows[n], rows[2], names)
        np.testing.assert_allclose([found[name][n] for name in names], expected, atol=1e-6)
    assert found["intercept"].tolist() == [0, 0]


def test_contributions_add_up_to_the_score(trees):
    _, model, x = trees
    found = sum(contributions(model, x[:50], x[50:90], NAMES).values())

    expected = score(model, x[:50], NAMES).astype(float) - score(model, x[50:90], NAMES).astype(float).mean()

    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_features_weigh_as_in_lightgbms_own_treeshap(trees):
    """Path-dependent there, beside a background here: alike where features do not depend on each other, as these."""
    booster, model, x = trees
    theirs = np.abs(booster.predict(x, pred_contrib=True)[:, :-1]).mean(axis=0)

    ours = [np.abs(values).mean() for values in contributions(model, x, x[:100], NAMES).values()]

    np.testing.assert_allclose(ours, theirs, rtol=0.15)


def test_a_tree_without_a_split_brings_nothing():
    leaf = {"weight": "1", "root": {"value": "0.5"}}
    split = {"feature": "a", "threshold": "0.5", "left": {"value": "1"}, "right": {"value": "2"}}
    model = {
        "class": "org.apache.solr.ltr.model.MultipleAdditiveTreesModel",
        "features": [{"name": "a"}],
        "params": {"trees": [leaf, {"weight": "0.5", "root": split}]},
    }

    found = contributions(model, [[0.0], [1.0]], [[0.0]], ["a"])

    assert found["a"].tolist() == [0.0, 0.5]
