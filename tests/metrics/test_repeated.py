"""NDCG prepared for many scores is the NDCG that ranks anew each time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.errors import UsageError
from reprise.metrics import Ndcg, RepeatedNdcg, consumption_ndcg

METRICS = [
    consumption_ndcg(), Ndcg(3, "examination", (1.0, 0.5, 0.25)), Ndcg(5, gain="exponential", empty="zero"),
    Ndcg(60, empty="one"),
]  # fmt: skip
SIZES = st.lists(st.one_of(st.integers(0, 9), st.sampled_from([12, 47, 48, 49, 70])), min_size=1, max_size=12)


@given(SIZES, st.integers(0, 2**32 - 1), st.sampled_from(METRICS), st.sampled_from([1, 3, 1000]), st.booleans())
def test_it_agrees_with_ranking_anew(sizes, seed, metric, levels, shuffled):
    """Lists short and long, empty ones, few levels of score so that many tie, rows that were not retrieved."""
    random = np.random.default_rng(seed)
    queries = np.repeat(np.arange(len(sizes)), sizes)
    if shuffled:
        random.shuffle(queries)
    gains = random.integers(0, 4, len(queries)) * (random.random(len(queries)) < 0.5)
    relevant = None if random.random() < 0.5 else random.random(len(queries)) < 0.3
    prepared = RepeatedNdcg(metric, queries, gains, len(sizes), relevant)

    for _ in range(3):
        scores = random.integers(0, levels, len(queries)) / levels
        scores[random.random(len(queries)) < 0.1] = -np.inf
        expected = metric.per_query(queries, scores, gains, len(sizes), relevant)
        np.testing.assert_allclose(prepared.per_query(scores), expected, rtol=0, atol=1e-12)


def test_more_pairs_than_are_compared_at_once_change_nothing():
    random = np.random.default_rng(0)
    queries = np.repeat(np.arange(5000), 45)
    gains, scores = random.random(len(queries)), random.normal(size=len(queries)).round(1)
    prepared = RepeatedNdcg(consumption_ndcg(), queries, gains, 5000)

    expected = consumption_ndcg().per_query(queries, scores, gains, 5000)
    np.testing.assert_allclose(prepared.per_query(scores), expected, rtol=0, atol=1e-12)


def test_no_rows_have_no_value():
    assert RepeatedNdcg(consumption_ndcg(), np.zeros(0, int), np.zeros(0), 0).per_query(np.zeros(0)).tolist() == []


@pytest.mark.parametrize(("scores", "said"), [([1.0, np.nan], "NaN"), ([1.0], "1 scores")])
def test_what_cannot_be_ranked_is_an_error(scores, said):
    prepared = RepeatedNdcg(consumption_ndcg(), np.zeros(2, int), np.ones(2), 1)
    with pytest.raises(UsageError, match=said):
        prepared.per_query(np.array(scores))
