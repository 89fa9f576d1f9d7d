"""A blend scores as the sum of its parts: bit for bit by Solr's own arithmetic, and near the sum of their scores."""

import lightgbm
import numpy as np
import pytest

from reprise.errors import UsageError
from reprise.solr import blend, convert_lightgbm, convert_linear, score

NAMES = list("abcd")
X = np.random.default_rng(0).random((400, 4)).astype(np.float32)


def trees(names, seed, scale=1.0):
    """A model of trees over some of the columns, and LightGBM's own booster."""
    random = np.random.default_rng(seed)
    x = X[:, [NAMES.index(name) for name in names]]
    data = lightgbm.Dataset(x, scale * (x[:, 0] + 0.2 * random.random(len(x))), feature_name=list(names))
    params = {"num_leaves": 7, "verbose": -1, "num_threads": 1, "use_missing": False, "seed": seed}
    booster = lightgbm.train(params, data, 15)
    return convert_lightgbm(booster.model_to_string()).model, booster, x


@pytest.mark.parametrize("share", [0.05, 0.5, 0.8])
def test_it_is_the_weighted_sum_of_its_parts(share):
    (first, booster, x), (second, other, y) = trees("abc", 1), trees("da", 2, scale=40)
    factors = (share / 0.31, (1 - share) / 12.7)

    both = blend([first, second], factors)
    found = score(both, X, NAMES)

    expected = factors[0] * booster.predict(x) + factors[1] * other.predict(y)
    np.testing.assert_allclose(expected, found, rtol=1e-5)
    total = np.zeros(len(X), np.float32)  # one tree after the other, as Solr adds them
    for part, factor in zip((first, second), factors, strict=True):
        for tree in part["params"]["trees"]:
            alone = {**part, "params": {"trees": [{"weight": "1", "root": tree["root"]}]}}
            total = total + np.float32(factor) * score(alone, X, NAMES)
    assert np.array_equal(total, found)
    assert [feature["name"] for feature in both["features"]] == ["a", "b", "c", "d"]


def test_a_part_without_a_say_is_left_out():
    first, second = trees("abc", 1)[0], trees("da", 2)[0]

    for alone, factors in ((first, (1, 0)), (second, (0, 1))):
        found = blend([first, second], factors)
        assert found["features"] == alone["features"]
        assert np.array_equal(score(found, X, NAMES), score(alone, X, NAMES))


def test_what_cannot_be_blended_is_refused():
    first = trees("abc", 1)[0]
    with pytest.raises(UsageError, match=r"LinearModel' cannot be blended → blend models of trees"):
        blend([first, convert_linear({"a": 1.0}).model], (1, 1))
    with pytest.raises(UsageError, match="no trees"):
        blend([first, first], (0, 0))
    with pytest.raises(UsageError, match="not a finite"):
        blend([first, first], (1, 1e40))
