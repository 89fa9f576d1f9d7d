"""The offline scorer adds as Java does, and refuses what Solr would refuse or misread."""

import copy

import numpy as np
import pytest

from reprise.errors import UsageError
from reprise.solr.score import LINEAR, TREES, check_model, score


def stump(feature="a", threshold="0.5", left="1", right="2", weight="1"):
    root = {"feature": feature, "threshold": threshold, "left": {"value": left}, "right": {"value": right}}
    return {"weight": weight, "root": root}


def trees(*some, features=("a", "b")):
    return {"class": TREES, "features": [{"name": name} for name in features], "params": {"trees": list(some)}}


def linear(weights):
    return {"class": LINEAR, "features": [{"name": name} for name in weights], "params": {"weights": weights}}


def test_a_value_within_the_slack_goes_left():
    # Measured on Solr 8.11.4 and 9.10: with threshold 0.5, 0.5000009 goes left and 0.5000011 right.
    values = [[0.5000009, 0.0], [0.5000011, 0.0], [0.5, 0.0], [-9.0, 0.0]]

    assert score(trees(stump()), values, ["a", "b"]).tolist() == [1.0, 2.0, 1.0, 1.0]


def test_each_addition_is_rounded_to_float32():
    one = trees(*[stump(left="0.1", right="0.1") for _ in range(1000)])
    expected = np.float32(0)
    for _ in range(1000):
        expected = expected + np.float32(0.1)

    actual = score(one, [[0.0, 0.0]], ["a", "b"])

    assert np.float32 == actual.dtype
    assert [expected] == actual.tolist()
    assert expected != 100.0


def test_a_linear_score_is_summed_in_the_models_order():
    weights = {"big": 1e8, "one": 1.0, "minus": -1e8}
    values = np.array([[1.0, 1.0, 1.0]], dtype=np.float32)

    assert score(linear(weights), values, list(weights)).tolist() == [0.0]
    reordered = {"big": 1e8, "minus": -1e8, "one": 1.0}
    assert score(linear(reordered), values, list(weights)).tolist() == [1.0]


def test_columns_are_found_by_name():
    values = [[7.0, 0.0, 9.0]]

    assert score(trees(stump()), values, ["other", "a", "b"]).tolist() == [1.0]


def test_a_tree_may_be_deep_on_one_side():
    root = {"value": "7"}
    for level in reversed(range(200)):
        root = {"feature": "a", "threshold": str(float(level)), "left": {"value": str(level)}, "right": root}

    actual = score(trees({"weight": "2", "root": root}), [[-1.0, 0], [150.5, 0], [500.0, 0]], ["a", "b"])

    assert actual.tolist() == [0.0, 2 * 151.0, 2 * 7.0]


def test_no_rows_give_no_scores():
    assert score(trees(stump()), np.empty((0, 2)), ["a", "b"]).shape == (0,)


BROKEN = {
    "a number only Python reads": (trees(stump(threshold="1_000")), "no finite 32-bit number"),
    "weight times value beyond float32": (trees(stump(weight="1e20", left="1e20")), "weight times"),
    "weights of 0": (linear({"a": 0, "b": 0.0}), "every weight"),
    "trees of weight 0": (trees(stump(weight="0"), stump(weight="-0.0")), "every weight"),
    "weight beyond float32": (linear({"a": 1e39}), "no finite 32-bit"),
    "no params": ({"class": LINEAR, "features": [{"name": "a"}]}, "no params"),
    "no weights": ({**linear({"a": 1.0}), "params": {}}, "no weights"),
    "features as words": ({**linear({"a": 1.0}), "features": ["a"]}, "lists the feature 'a'"),
    "a tree as a word": (trees("stump"), "a tree has the keys"),
    "a node as a word": (trees({"weight": "1", "root": "value"}), "a node has the keys"),
    "unknown feature in a tree": (trees(stump(feature="zzz")), "zzz"),
    "threshold as number": (trees(stump(threshold=0.5)), "not a string"),
    "threshold as word": (trees(stump(threshold="half")), "no finite 32-bit number"),
    "threshold NaN": (trees(stump(threshold="NaN")), "threshold"),
    "comment in a tree": (trees({**stump(), "gain": "3"}), "gain"),
    "missing branch": (
        trees({"weight": "1", "root": {"feature": "a", "threshold": "1", "left": {"value": "1"}}}),
        "left",
    ),
    "weight as string": (linear({"a": "0.5"}), "JSON numbers"),
    "no weight": ({**linear({"a": 1.0}), "params": {"weights": {}}}, "no weight"),
    "no features": (linear({}), "empty"),
    "no trees": (trees(), "no trees"),
    "repeated feature": (trees(stump(), features=("a", "a")), "repeated"),
    "neural network": ({"class": "org.apache.solr.ltr.model.NeuralNetworkModel"}, "NeuralNetworkModel"),
    "normaliser": (
        {**linear({"a": 1.0}), "features": [{"name": "a", "norm": {"class": "x.MinMaxNormalizer"}}]},
        "MinMaxNormalizer",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_model_solr_would_refuse_or_misread_is_refused(case):
    model, said = BROKEN[case]
    untouched = copy.deepcopy(model)

    with pytest.raises(UsageError, match=said):
        check_model(model)

    assert untouched == model


def test_vectors_that_lack_a_feature_are_refused_by_name():
    with pytest.raises(UsageError, match=r"\['b'\]"):
        score(trees(stump()), [[1.0]], ["a"])
