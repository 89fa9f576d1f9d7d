"""Steps per document, beside LightGBM's own leaves."""

import lightgbm
import numpy as np

from reprise.solr import convert_lightgbm, convert_linear
from reprise.solr.cost import size, steps_per_document


def test_trees_cost_the_depth_of_the_leaf_that_a_row_comes_to():
    random = np.random.default_rng(0)
    x = random.random((500, 4)).astype(np.float32)
    data = lightgbm.Dataset(x, x[:, 0] * x[:, 1] + 0.1 * random.random(500), feature_name=list("abcd"))
    booster = lightgbm.train({"num_leaves": 9, "verbose": -1, "num_threads": 1, "use_missing": False}, data, 12)
    table = booster.trees_to_dataframe()
    depth = {
        (int(tree), index): level - 1
        for tree, index, level in zip(table["tree_index"], table["node_index"], table["node_depth"], strict=True)
    }
    leaves = booster.predict(x, pred_leaf=True)
    expected = np.mean([sum(depth[tree, f"{tree}-L{leaf}"] for tree, leaf in enumerate(row)) for row in leaves])

    model = convert_lightgbm(booster.model_to_string()).model

    assert expected == steps_per_document(model, x, list("abcd")) > 12
    assert size(model) == f"12 trees, {table['left_child'].isna().sum()} leaves"


def test_a_weighted_sum_costs_its_features():
    assert steps_per_document(convert_linear({"a": 1.0, "b": 2.0}, 0.5).model, np.ones((2, 3)), ["a", "b", "c"]) == 3
    assert size(convert_linear({"a": 1.0, "b": 0.0}).model) == "1 weights"
