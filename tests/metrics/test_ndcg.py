"""NDCG against a second implementation, brute force over permutations, a case worked by hand, and its invariances."""

import itertools
import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from reprise.errors import UsageError
from reprise.metrics import Ndcg, consumption_ndcg, means

NDCG = consumption_ndcg()
lists = st.lists(st.tuples(st.integers(0, 3), st.floats(0, 1, width=16)), min_size=1, max_size=6)


def one_list(scores, gains, metric=NDCG):
    return metric.per_query(np.zeros(len(scores), int), np.array(scores, float), np.array(gains, float), 1)[0]


def many_queries(seed=3, n=60):
    rng = np.random.default_rng(seed)
    queries = np.repeat(np.arange(n), rng.integers(1, 40, n))
    return queries, rng.normal(size=len(queries)), rng.integers(0, 5, len(queries)) * (rng.random(len(queries)) < 0.4)


def test_by_hand():
    """Gains 0.2, 0, 1 as ranked: (0.2 + 1/2) / (1 + 0.2/log2 3) = 0.7 / 1.126186 = 0.621567."""
    assert one_list([3, 2, 1], [0.2, 0, 1]) == pytest.approx(0.621567, abs=1e-6)


def test_examination_discount_by_hand():
    """θ = 1, 0.5, 0.25: (0.2 + 0.25) / (1 + 0.1) = 0.409091; positions beyond the cutoff weigh nothing."""
    metric = Ndcg(3, "examination", (1.0, 0.5, 0.25))

    assert one_list([4, 3, 2, 1], [0.2, 0, 1, 0], metric) == pytest.approx(0.45 / 1.1)


def test_agrees_with_trec_eval_on_integer_gains_without_ties():
    """The one corner where the conventions are the same, query by query."""
    queries, scores, gains = many_queries()
    qrels = [ir_measures.Qrel(str(q), str(i), int(g)) for i, (q, g) in enumerate(zip(queries, gains, strict=True))]
    run = [
        ir_measures.ScoredDoc(str(q), str(i), float(s)) for i, (q, s) in enumerate(zip(queries, scores, strict=True))
    ]
    theirs = {int(m.query_id): m.value for m in ir_measures.iter_calc([ir_measures.nDCG @ 10], qrels, run)}
    ours = NDCG.per_query(queries, scores, gains, 60)
    nothing_relevant = np.isnan(ours)

    assert nothing_relevant.any()
    assert [theirs[q] for q in np.flatnonzero(nothing_relevant)] == [0.0] * int(nothing_relevant.sum())
    assert ours[~nothing_relevant] == pytest.approx([theirs[q] for q in np.flatnonzero(~nothing_relevant)])


@given(lists)
def test_ties_are_the_mean_over_all_orders(rows):
    """Brute force: average over every permutation that respects the scores; scikit-learn says the same."""
    scores, gains = (list(column) for column in zip(*rows, strict=True))
    if sum(gains) == 0:
        assert math.isnan(one_list(scores, gains))
        return
    discount = [1 / math.log2(i + 2) if i < 3 else 0.0 for i in range(6)]
    orders = [
        o
        for o in itertools.permutations(range(len(rows)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(o))
    ]
    ideal = sum(g * d for g, d in zip(sorted(gains, reverse=True), discount, strict=False))
    expected = np.mean([sum(gains[i] * d for i, d in zip(o, discount, strict=False)) for o in orders]) / ideal
    ours = one_list(scores, gains, Ndcg(3))

    assert ours == pytest.approx(expected)
    if len(rows) > 1:
        assert ours == pytest.approx(ndcg_score([gains], [scores], k=3))


def test_a_constant_scorer_gets_what_a_random_order_gets():
    """Else ties reward the order of the file (LightGBM: 1.000 sorted, 0.345 reversed)."""
    queries, _, gains = many_queries()
    constant = NDCG.per_query(queries, np.zeros(len(queries)), gains, 60)
    rng = np.random.default_rng(0)
    shuffled = [NDCG.per_query(queries, rng.random(len(queries)), gains, 60) for _ in range(4000)]

    assert np.nanmean(constant) == pytest.approx(np.nanmean(shuffled), abs=0.002)


@given(st.integers(0, 2**32 - 1))
def test_invariances(seed):
    """Row order, scale and unit change nothing, the ideal is 1, lifting the best item never hurts."""
    queries, scores, gains = many_queries(seed, 5)
    rng = np.random.default_rng(seed)
    base, shuffle = NDCG.per_query(queries, scores, gains, 5), rng.permutation(len(queries))

    assert NDCG.per_query(queries[shuffle], scores[shuffle], gains[shuffle], 5) == pytest.approx(base, nan_ok=True)
    assert NDCG.per_query(queries, 3 * scores + 7, gains * 0.25, 5) == pytest.approx(base, nan_ok=True)
    assert set(NDCG.per_query(queries, gains, gains, 5)[~np.isnan(base)]) <= {1.0}
    better = scores.copy()
    better[int(np.argmax(gains))] = scores.max() + 1
    assert np.nanmin(NDCG.per_query(queries, better, gains, 5) - base, initial=0.0) >= -1e-12


def test_relevant_rows_decide_which_queries_count():
    """Shrinkage leaves no gain at zero: a query without consumption is still left out."""
    queries, gains = np.array([0, 0, 1, 1]), np.array([0.9, 0.1, 0.1, 0.05])
    values = NDCG.per_query(queries, np.array([1.0, 2, 1, 2]), gains, 3, np.array([True, False, False, False]))

    assert np.isnan(values).tolist() == [False, True, True]


def test_names_say_what_was_computed():
    """The same word in the scores table, MLflow and the report."""
    names = [NDCG.name, Ndcg(10, "examination", (1.0,) * 10).name]

    assert names == ["consumption_ndcg_at_10", "consumption_ndcg_examination_at_10"]
    assert consumption_ndcg() == Ndcg(10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.array([np.nan])}, "1 scores are NaN"),
        ({"gains": np.array([np.nan])}, "unknown or negative"),
        ({"gains": np.array([-0.1])}, "unknown or negative"),
        ({"queries": np.array([1])}, "outside 0..0"),
        ({"scores": np.zeros(2)}, "give one of each"),
    ],
)
def test_unusable_input_is_named(change, message):
    inputs = {"queries": np.array([0]), "scores": np.zeros(1), "gains": np.ones(1)} | change

    with pytest.raises(UsageError, match=message):
        NDCG.per_query(**inputs, n_queries=1)


@pytest.mark.parametrize("wrong", [(0,), (10, "log2", (1.0,)), (10, "examination", (1.0, 0.5))])
def test_contradictory_metrics_are_refused(wrong):
    with pytest.raises(UsageError):
        Ndcg(*wrong)


def test_means_weigh_traffic_and_say_what_was_dropped():
    """0.5 searched 3 times and 1.0 searched once; a fourth of the queries and half the searches count for nothing."""
    got = means(np.array([0.5, 1.0, np.nan, 0.75]), np.array([2, 1, 4, 1]))

    assert (got.traffic_weighted, got.per_query, got.queries) == (0.6875, 0.75, 3)
    assert (got.dropped_query_share, got.dropped_traffic_share) == (0.25, 0.5)
    assert math.isnan(means(np.array([np.nan]), np.array([1.0])).traffic_weighted)
