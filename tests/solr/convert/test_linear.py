"""Linear models in Solr's form: scaling folded in, the constant as a feature."""

import numpy as np
import pytest

from reprise.errors import UsageError
from reprise.solr.convert import INTERCEPT, convert_linear
from reprise.solr.score import score


def test_a_linear_model_folds_its_scaling_and_carries_the_intercept_as_a_constant_feature():
    random = np.random.default_rng(2)
    features = random.normal(5, 3, (50, 3)).astype(np.float32)
    weights, means = {"a": 0.5, "b": -2.0, "c": 4.0}, {"a": 5.0, "b": 4.0, "c": 1.0}
    deviations = {"a": 3.0, "b": 2.0, "c": 0.0}

    export = convert_linear(weights, intercept=1.25, means=means, deviations=deviations)

    assert [feature["name"] for feature in export.model["features"]] == ["a", "b", "c", INTERCEPT]
    assert [feature["name"] for feature in export.extra_features] == [INTERCEPT]
    expected = 1.25 + 0.5 * (features[:, 0] - 5.0) / 3.0 - 2.0 * (features[:, 1] - 4.0) / 2.0
    with_constant = np.column_stack([features, np.ones(50, dtype=np.float32)])
    np.testing.assert_allclose(
        score(export.model, with_constant, ["a", "b", "c", INTERCEPT]), expected, rtol=0, atol=1e-5
    )


def test_a_linear_model_without_constant_needs_no_extra_feature():
    export = convert_linear({"a": 2.0})

    assert export.model["params"]["weights"] == {"a": 2.0}
    assert export.extra_features == []


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), 1e39])
def test_a_weight_beyond_float32_is_refused(weight):
    with pytest.raises(UsageError, match="finite"):
        convert_linear({"a": weight})


def test_a_feature_name_that_would_break_the_log_is_refused():
    with pytest.raises(UsageError, match="a,b"):
        convert_linear({"a,b": 1.0})
