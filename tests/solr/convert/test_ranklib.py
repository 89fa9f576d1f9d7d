"""RankLib's models score as RankLib computes them; what Solr cannot express is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_svmlight_file

from builders.model_edges import ODD, assert_same_scores, edge_vectors
from builders.ranklib import FOREST, LAMBDAMART, ensemble, ranklib_scores
from reprise.errors import UsageError
from reprise.solr.convert import LinearExport, convert_ranklib
from reprise.solr.score import check_model, score

SAVED = Path(__file__).parents[2] / "fixtures" / "ranklib"
NAMES = ["bm25", "plays", "age"]
VALUES = [3e-6, 1e-7, 0.25, 0.5, 31.0, -2.5, 1e6]


def names_of(export):
    return [feature["name"] for feature in export.model["features"]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=8))
def test_any_ensemble_scores_as_ranklib_does(seed, more):
    random = np.random.default_rng(seed)
    text = LAMBDAMART.format(trees=9) + ensemble(random, 3, 9, [*VALUES, *ODD, *more])

    export = convert_ranklib(text, NAMES)

    check_model(export.model)
    edges = edge_vectors(export.model, 60, seed)
    kept = edges[[export.misrouted(row[None], NAMES) == 0 for row in edges]]
    assert_same_scores(score(export.model, kept, NAMES), ranklib_scores(text, kept))


def test_a_forest_is_the_mean_of_its_bags():
    random = np.random.default_rng(3)
    bags = "\n".join(ensemble(random, 3, trees, VALUES, weight="1.0") for trees in (1, 2, 1, 3))
    text = FOREST.format(trees=4) + bags

    export = convert_ranklib(text, NAMES)

    edges = edge_vectors(export.model, 200)
    kept = edges[[export.misrouted(row[None], NAMES) == 0 for row in edges]]
    assert_same_scores(score(export.model, kept, NAMES), ranklib_scores(text, kept))


def test_values_at_a_threshold_go_left_and_the_next_float_goes_right():
    leaf = "<split pos='{}'><output>{} </output></split>"
    split = "<feature>2 </feature><threshold> 0.5 </threshold>" + leaf.format("left", "-1.0") + leaf.format("right", 2)
    export = convert_ranklib(f"## MART\n<ensemble><tree id='1' weight='1.0'><split>{split}</split></tree></ensemble>")

    assert names_of(export) == ["f1", "f2"]
    rows = [[0, 0.5], [0, np.nextafter(np.float32(0.5), np.float32(1))]]
    assert score(export.model, rows, ["f1", "f2"]).tolist() == [-1.0, 2.0]


def test_names_may_go_beyond_the_features_that_trees_use():
    text = LAMBDAMART + ensemble(np.random.default_rng(3), 2, 3, VALUES)

    assert names_of(convert_ranklib(text, NAMES)) == NAMES
    with pytest.raises(UsageError, match="2 features, but 1 names"):
        convert_ranklib(text, ["bm25"])


def test_linear_rankers_are_weighted_sums_and_number_0_is_the_constant():
    rows = np.array([[1, 2, 3], [-1, 0.5, 8]], np.float32)

    ascent = convert_ranklib("## Coordinate Ascent\n## Restart = 5\n1:0.25 3:-0.5", NAMES)
    regression = convert_ranklib("## Linear Regression\n## Lambda = 1.0E-10\n0:1.5 1:0.25 2:2.0 3:-0.5", NAMES)

    assert isinstance(ascent, LinearExport)
    assert score(ascent.model, rows, NAMES).tolist() == [0.25 - 1.5, -0.25 - 4.0]
    found = score(regression.model, np.column_stack([rows, [1, 1]]), [*NAMES, "intercept"])
    assert found.tolist() == [1.5 + 0.25 + 4.0 - 1.5, 1.5 - 0.25 + 1.0 - 4.0]


REFUSED = {
    "a net": ("## RankNet\n## Epochs = 100\n1 10 1\n", "RankNet model is no ensemble"),
    "nothing": ("", "nameless model"),
    "cut": ("## MART\n<ensemble><tree id='1' weight='1'>", "not a RankLib ensemble"),
    "empty": ("## MART\n<ensemble></ensemble>", "no trees"),
    "no weight": ("<ensemble><tree id='1'><split><output>1</output></split></tree></ensemble>", "not a whole"),
    "half a split": (
        "<ensemble><tree weight='1'><split><feature>1</feature><threshold>2</threshold>"
        "<split pos='left'><output>1</output></split></split></tree></ensemble>",
        "without both branches",
    ),
    "not a number": (
        "<ensemble><tree weight='1'><split><output>many</output></split></tree></ensemble>", "not a whole"
    ),
    "NaN": ("<ensemble><tree weight='1'><split><output>NaN</output></split></tree></ensemble>", "not a whole"),
    "entities": ("<!DOCTYPE a [<!ENTITY b 'c'>]><ensemble></ensemble>", "entities"),
    "weights": ("## Linear Regression\n1=5", "number:weight"),
    "no weights": ("## Linear Regression\n", "without weights"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_ranklib_model_or_has_no_form_in_solr_is_refused(case):
    text, said = REFUSED[case]

    with pytest.raises(UsageError, match=said):
        convert_ranklib(text)


@pytest.mark.parametrize("ranker", ["mart", "lambdamart", "forest", "ascent", "regression"])
def test_what_ranklib_saved_scores_as_ranklib_said(ranker):
    """Files of RankLib's own making; it adds in float or double, Solr in float."""
    vectors, _ = load_svmlight_file(str(SAVED / "test.txt"), n_features=5)
    names = ["a", "b", "c", "d", "e"]
    export = convert_ranklib((SAVED / f"{ranker}.txt").read_text(), names)
    constants = [entry["name"] for entry in getattr(export, "extra_features", [])]
    matrix = np.c_[vectors.toarray(), np.ones((vectors.shape[0], len(constants)))]

    found = score(export.model, matrix, [*names, *constants])

    said = [float(line.split()[2]) for line in (SAVED / f"{ranker}.scores").read_text().splitlines()]
    np.testing.assert_allclose(found, said, rtol=1e-6, atol=1e-6)
    assert len(set(said)) > 5
