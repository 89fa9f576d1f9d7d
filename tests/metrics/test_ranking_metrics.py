"""Every metric of a ranking against brute force over all orders of ties, against trec_eval, and by hand."""

import itertools
import math

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.errors import UsageError
from reprise.metrics import AveragePrecision, Err, Ndcg, Precision, Rbp, Recall, ReciprocalRank, Success

GRADED = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.booleans()), min_size=1, max_size=6)


def one_list(metric, scores, gains):
    return metric.per_query(np.zeros(len(scores), int), np.array(scores, float), np.array(gains, float), 1)[0]


def err(grades, highest, k):
    passed, total = 1.0, 0.0
    for place, grade in enumerate(grades[:k], start=1):
        chance = (2**grade - 1) / 2**highest
        total += passed * chance / place
        passed *= 1 - chance
    return total


def first(grades, k):
    return next((1 / place for place, grade in enumerate(grades[:k], start=1) if grade), 0.0)


def average_precision(grades, k, relevant):
    hits = [
        sum(g > 0 for g in grades[:place]) / place for place in range(1, min(k, len(grades)) + 1) if grades[place - 1]
    ]
    return sum(hits) / relevant


def dcg(gains, k):
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains[:k], start=1))


#: Metric → its value for one order of the retrieved grades; and all grades that there are.
PLAIN = {
    Precision(3): lambda ranked, there: sum(g > 0 for g in ranked[:3]) / 3,
    Recall(3): lambda ranked, there: sum(g > 0 for g in ranked[:3]) / sum(g > 0 for g in there),
    Success(3): lambda ranked, there: float(any(ranked[:3])),
    ReciprocalRank(3): lambda ranked, there: first(ranked, 3),
    AveragePrecision(3): lambda ranked, there: average_precision(ranked, 3, sum(g > 0 for g in there)),
    Err(3, max_grade=3): lambda ranked, there: err(ranked, 3, 3),
    Ndcg(3, gain="linear"): lambda ranked, there: dcg(ranked, 3) / dcg(sorted(there, reverse=True), 3),
    Ndcg(3, gain="exponential"): lambda ranked, there: (
        dcg([2**g - 1 for g in ranked], 3) / dcg([2**g - 1 for g in sorted(there, reverse=True)], 3)
    ),
}


@pytest.mark.parametrize("metric", PLAIN, ids=lambda metric: metric.name)
@given(rows=GRADED)
def test_ties_are_the_mean_over_all_orders(metric, rows):
    """Of what was retrieved; what was not has no place, and counts among what there was."""
    there = [grade for _, grade, _ in rows]
    found = [(score, grade) for score, grade, retrieved in rows if retrieved]
    scores = [score if retrieved else -math.inf for score, _, retrieved in rows]
    if not any(there):
        assert math.isnan(one_list(metric, scores, there))
        return
    orders = [
        order
        for order in itertools.permutations(range(len(found)))
        if all(found[a][0] >= found[b][0] for a, b in itertools.pairwise(order))
    ]
    expected = np.mean([PLAIN[metric]([found[i][1] for i in order], there) for order in orders])

    assert one_list(metric, scores, there) == pytest.approx(expected)


@given(rows=GRADED)
def test_rank_biased_precision_is_a_sum_that_needs_no_ideal(rows):
    metric = Rbp(0.7)
    scores, gains = [score for score, _, _ in rows], [grade / 3 for _, grade, _ in rows]
    orders = [
        order
        for order in itertools.permutations(range(len(rows)))
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))
    ]
    expected = np.mean([sum(0.3 * gains[i] * 0.7**place for place, i in enumerate(order)) for order in orders])

    assert one_list(metric, scores, gains) == pytest.approx(expected)


def test_the_residual_is_what_the_unjudged_could_add():
    """By hand, p = 0.8: places 1 and 3 judged, so 0.2 · 0.8 for place 2, and 0.8³ for all below the third."""
    residual = Rbp(0.8).residual(np.zeros(3, int), np.array([3.0, 2, 1]), np.array([True, False, True]), 1)
    perfect = one_list(Rbp(0.8), [3, 2, 1], [0.5, 1, 0.5]) - one_list(Rbp(0.8), [3, 2, 1], [0.5, 0, 0.5])

    assert residual == pytest.approx([0.2 * 0.8 + 0.8**3])
    assert residual[0] - 0.8**3 == pytest.approx(perfect)


def test_expected_reciprocal_rank_of_consumption_by_hand():
    """Chances 0.5 and 0.4: 0.5 + 1/2 · 0.5 · 0.4 = 0.6; the name says that gains were taken for chances."""
    assert one_list(Err(), [2, 1], [0.5, 0.4]) == pytest.approx(0.6)
    assert (Err().name, Err(max_grade=4).name) == ("consumption_err_at_10", "err_at_10")


def test_agrees_with_trec_eval_without_ties():
    rng = np.random.default_rng(3)
    queries = np.repeat(np.arange(60), rng.integers(1, 40, 60))
    scores, gains = rng.normal(size=len(queries)), rng.integers(0, 5, len(queries)) * (rng.random(len(queries)) < 0.4)
    scores[rng.random(len(queries)) < 0.2] = -np.inf
    qrels = [ir_measures.Qrel(str(q), str(i), int(g)) for i, (q, g) in enumerate(zip(queries, gains, strict=True))]
    run = [
        ir_measures.ScoredDoc(str(q), str(i), float(s))
        for i, (q, s) in enumerate(zip(queries, scores, strict=True))
        if s > -np.inf
    ]
    pairs = {
        Precision(10): ir_measures.P @ 10,
        Precision(5, at_least=3): ir_measures.P(rel=3) @ 5,
        Recall(10): ir_measures.R @ 10,
        Success(5): ir_measures.Success @ 5,
        ReciprocalRank(10): ir_measures.RR @ 10,
        AveragePrecision(10): ir_measures.AP @ 10,
        Ndcg(10, gain="linear"): ir_measures.nDCG @ 10,
    }
    for ours, theirs in pairs.items():
        found = ours.per_query(queries, scores, gains, 60)
        expected = np.zeros(60)  # where nothing was retrieved they have no row
        for value in ir_measures.iter_calc([theirs], qrels, run):
            expected[int(value.query_id)] = value.value
        counts = ~np.isnan(found)
        assert counts.sum() > 40, ours
        assert found[counts] == pytest.approx(expected[counts]), ours


@pytest.mark.parametrize("metric", [*PLAIN, Rbp(max_grade=3)], ids=lambda metric: metric.name)
def test_a_constant_scorer_gets_what_a_random_order_gets(metric):
    rng = np.random.default_rng(0)
    queries = np.repeat(np.arange(40), rng.integers(2, 12, 40))
    gains = rng.integers(0, 4, len(queries))
    constant = metric.per_query(queries, np.zeros(len(queries)), gains, 40)
    shuffled = [metric.per_query(queries, rng.random(len(queries)), gains, 40) for _ in range(1500)]

    assert np.nanmean(constant) == pytest.approx(np.nanmean(shuffled), abs=0.01)


@pytest.mark.parametrize(("empty", "value"), [("drop", math.nan), ("zero", 0.0), ("one", 1.0)])
def test_what_an_empty_query_counts_as_is_said(empty, value):
    for metric in (Ndcg(empty=empty), Err(empty=empty), Precision(empty=empty), ReciprocalRank(empty=empty)):
        assert one_list(metric, [1, 2], [0, 0]) == pytest.approx(value, nan_ok=True)


@pytest.mark.parametrize("metric", [*PLAIN, Err(), Rbp()], ids=lambda metric: metric.name)
def test_nothing_retrieved_is_worth_nothing(metric):
    assert one_list(metric, [-math.inf, -math.inf], [1, 0]) == 0.0
    assert metric.per_query(np.zeros(0, int), np.zeros(0), np.zeros(0), 0).tolist() == []


def test_names_are_safe_and_all_different():
    names = [metric.name for metric in (*PLAIN, Err(3), Rbp(0.85, max_grade=3), Rbp(0.825), Ndcg(3))]

    assert len(names) == len(set(names))
    assert {"precision_at_3", "map_at_3", "mrr_at_3", "rbp_85", "consumption_rbp_82_5", "ndcg_exponential_at_3"} < set(
        names
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Precision(0), "the cutoff is 0"),
        (lambda: Rbp(1.0), "p is 1"),
        (lambda: one_list(Err(), [1], [2]), "a gain is 2, above 1"),
        (lambda: one_list(Err(max_grade=3), [1], [4]), "a gain is 4, above 3"),
        (lambda: one_list(Rbp(), [1], [2]), "a gain is 2, above 1"),
        (lambda: one_list(Recall(), [math.nan], [1]), "1 scores are NaN"),
    ],
)
def test_what_makes_no_sense_is_refused(make, said):
    with pytest.raises(UsageError, match=said):
        make()
