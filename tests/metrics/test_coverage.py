"""Judged share, all-zero share and RMSE: by hand, and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error

from reprise.errors import UsageError
from reprise.metrics import AllZero, Judged, Rmse, consumption_ndcg, means

QUERIES = np.array([0, 0, 0, 1, 1, 2])
SCORES = np.array([3.0, 2, 1, 1, 1, -np.inf])
GAINS = np.array([1.0, np.nan, 0, np.nan, 0.5, 1])


def test_judged_by_hand():
    """Of the first two: one of two; a tie of one judged and one not; nothing retrieved; no items at all."""
    assert Judged(2).per_query(QUERIES, SCORES, GAINS, 4) == pytest.approx([0.5, 0.5, np.nan, np.nan], nan_ok=True)
    assert Judged(1).per_query(QUERIES, SCORES, GAINS, 2 + 1) == pytest.approx([1, 0.5, np.nan], nan_ok=True)
    assert Judged(10).name == "judged_at_10"


def test_all_zero_is_the_share_that_means_leave_out():
    rng = np.random.default_rng(1)
    queries, scores = np.repeat(np.arange(200), 5), rng.random(1000)
    gains = rng.random(1000) * (rng.random(1000) < 0.15)
    zero = AllZero().per_query(queries, scores, gains, 200)
    left_out = means(consumption_ndcg().per_query(queries, scores, gains, 200), np.ones(200)).dropped_query_share

    assert zero.mean() == pytest.approx(left_out)
    assert 0 < left_out < 1
    assert AllZero().per_query(QUERIES, SCORES, GAINS, 4).tolist() == [0, 0, 0, 1]
    assert AllZero().per_query(QUERIES, SCORES, GAINS, 3, np.array([0, 0, 0, 1, 0, 0])).tolist() == [1, 0, 1]


def test_rmse_is_scikit_learns():
    rng = np.random.default_rng(2)
    queries, scores, gains = np.repeat(np.arange(20), 7), rng.random(140), rng.random(140)
    expected = [root_mean_squared_error(gains[queries == q], scores[queries == q]) for q in range(20)]

    assert Rmse().per_query(queries, scores, gains, 20) == pytest.approx(expected)
    assert np.isnan(Rmse().per_query(np.zeros(1, int), np.ones(1), np.array([np.nan]), 1)[0])
    with pytest.raises(UsageError, match="1 judged items have no finite score"):
        Rmse().per_query(QUERIES, SCORES, GAINS, 3)
