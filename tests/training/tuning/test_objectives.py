"""Each objective beside plain Python over the same rows."""

import numpy as np
import pytest

from reprise.errors import UsageError
from reprise.training.data import Rows
from reprise.training.family import Fitted
from reprise.training.tuning.objectives import Objectives

THETA = (1.0, 0.6, 0.3)
NAMES = ["consumption_ndcg", "expected_consumption", "serving_cost", "new_release_exposure"]


def rows(queries=30, depth=14):
    random = np.random.default_rng(2)
    codes = np.repeat(np.arange(queries), depth)
    count = len(codes)
    vectors = np.c_[random.permutation(count), random.integers(0, 100, count)].astype(np.float32)
    judged = random.random(count) < 0.6
    g = np.where(judged, random.random(count), np.nan)
    traffic = random.integers(1, 50, queries)[codes].astype(float)
    return Rows(["x", "age"], vectors, codes, judged, g, np.zeros(count, int), np.ones(count), traffic)


def fitted(curve=(0.4, 0.7, 0.5), best_round=2):
    model = {
        "class": "org.apache.solr.ltr.model.LinearModel",
        "features": [{"name": "x"}],
        "params": {"weights": {"x": 1.0}},
    }
    return Fitted(model, ("native.json", b"{}"), {"best_round": best_round}, {}, {"validation": list(curve)})


def test_values_by_hand():
    those = rows()
    found = Objectives(NAMES, THETA, "age", 28).values(fitted(), those)

    theta = [*THETA, *[THETA[-1]] * 7]
    consumed, new, total = 0.0, 0.0, 0.0
    for code in range(those.queries):
        mine = [n for n in range(len(those.codes)) if those.codes[n] == code]
        order = sorted(mine, key=lambda n: -those.vectors[n, 0])[:10]
        traffic = those.traffic[mine[0]]
        consumed += traffic * sum(t * those.g[n] for t, n in zip(theta, order, strict=True) if those.judged[n])
        seen = sum(t for t, n in zip(theta, order, strict=True) if those.vectors[n, 1] <= 28)
        new += traffic * seen / sum(theta)
        total += traffic

    assert found == {
        "consumption_ndcg": 0.7,
        "expected_consumption": pytest.approx(consumed / total),
        "serving_cost": 1.0,
        "new_release_exposure": pytest.approx(new / total),
    }


def test_without_an_age_the_exposure_of_new_releases_is_refused():
    with pytest.raises(UsageError, match=r"new_release_exposure needs an item's age.* → add a feature of kind item"):
        Objectives(NAMES, THETA, "age").check(["x"])
