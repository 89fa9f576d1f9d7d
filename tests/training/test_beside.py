"""Beside the deciding metric: each is the metric itself, of judged items; and they are in the scores table."""

import numpy as np
import pytest

from reprise.metrics import Err, Ndcg, ReciprocalRank
from reprise.training.beside import values

THETA = np.array([1.0, 0.6, 0.4])


def test_every_metric_of_judged_items():
    rng = np.random.default_rng(1)
    codes, g = np.repeat(np.arange(30), 6), rng.random(180)
    g[rng.random(180) < 0.3] = np.nan
    consumed, scores = np.nan_to_num(g) > 0.5, rng.random(180)
    found = values(codes, g, consumed, {"linear": scores, "lambdamart": -scores}, 30, THETA)
    judged = ~np.isnan(g)
    rows = (codes[judged], scores[judged], g[judged], 30, consumed[judged])

    for metric in (Ndcg(3, "examination", tuple(THETA)), Err(10), ReciprocalRank(10)):
        assert found["linear"][metric.name] == pytest.approx(metric.per_query(*rows), nan_ok=True)
    assert found["linear"]["judged_at_10"] == pytest.approx([judged[codes == query].mean() for query in range(30)])
    assert found["linear"]["rmse"][0] == pytest.approx(
        np.sqrt(np.mean((scores - g)[judged & (codes == 0)] ** 2)), nan_ok=True
    )
    assert "rmse" not in found["lambdamart"]  # its score estimates nothing
    assert set(found["lambdamart"]) == {
        "consumption_ndcg_examination_at_3", "consumption_err_at_10", "mrr_at_10", "success_at_1", "judged_at_10",
    }  # fmt: skip


def test_what_a_score_says_of_consumption_follows_from_the_loss():
    rng = np.random.default_rng(2)
    codes, g = np.repeat(np.arange(30), 6), rng.uniform(0.05, 0.95, 180)
    models = {"poisson": np.log(g), "gamma": np.log(g), "tweedie": np.log(g), "logistic": np.log(g / (1 - g))}
    models |= {"linear": g, "forest": g, "pairwise": g, "xendcg": g, "engine_order": g}

    found = values(codes, g, g > 0.5, models, 30, THETA)

    told = {model for model, by_name in found.items() if "rmse" in by_name}
    assert told == {"linear", "forest", "poisson", "gamma", "tweedie", "logistic"}
    for model in told:
        assert found[model]["rmse"] == pytest.approx(0, abs=1e-12)
