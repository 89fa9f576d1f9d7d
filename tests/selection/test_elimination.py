"""Backward elimination finds the planted features, with a ranker trained anew at each step."""

import numpy as np
import pytest

from builders.planted import NAMES, planted
from reprise.selection.elimination import Step, backward, fewest, only
from reprise.selection.select import _fitter
from reprise.settings import Gate

GATE = Gate.model_validate({"lambdamart": {"leaves": 7, "min_rows_per_leaf": 20}})


@pytest.fixture(scope="module")
def path():
    return backward(planted(), _fitter(GATE, 40), lambda name: int(name == "twin"))


def test_noise_goes_first_and_the_dear_twin_before_the_other(path):
    removed = [step.removed for step in path[1:]]

    assert {"noise_a", "noise_b", "noise_c", "twin"} == set(removed[:4])
    assert [len(step.features) for step in path] == list(range(len(NAMES), 0, -1))


def test_the_fewest_are_the_planted(path):
    chosen = fewest(path, 0.01)

    assert {"first", "second", "query"} <= set(chosen.features) <= {"first", "second", "query", "weak"}
    assert path[-1].upper < -0.01


def test_a_step_holds_exactly_what_it_was_compared_by(path):
    assert (path[0].difference, path[0].lower, path[0].upper) == (0, 0, 0)
    for step in path:
        assert step.lower <= step.difference <= step.upper
        assert step.metric - path[0].metric == pytest.approx(step.difference, abs=1e-9)


def test_nothing_is_given_up_where_no_loss_is_allowed():
    path = [Step(["a", "b"], "", 0.5, 0, 0, 0), Step(["a"], "b", 0.49, -0.01, -0.02, -0.001)]

    assert fewest(path, 0.0).features == ["a", "b"]
    assert fewest(path, 0.02).features == ["a"]


def test_some_features_alone_keep_their_order_and_their_columns():
    data = planted()

    cut = only(data, ["weak", "first"])

    assert cut.features == cut.train.names == ["first", "weak"]
    np.testing.assert_array_equal(cut.validation.vectors, data.validation.vectors[:, [0, 3]])
    assert cut.train.codes is data.train.codes
