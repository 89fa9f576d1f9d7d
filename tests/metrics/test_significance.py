"""Intervals: coverage under known truth, agreement with scipy where it applies, and the answers to too little data."""

import math

import numpy as np
import pytest
from scipy import stats

from reprise.errors import UsageError
from reprise.metrics import compare, effective_n


def zipf(n):
    return np.floor(3000 / np.arange(1, n + 1)) + 1


def test_effective_n_of_equal_and_of_lonely_traffic():
    assert effective_n(np.full(8, 5.0)) == pytest.approx(8)
    assert effective_n(np.array([1000.0, 1.0])) == pytest.approx(1.002, abs=1e-3)
    assert effective_n(np.zeros(3)) == 0


def test_equal_traffic_agrees_with_the_paired_t_test():
    """Without weights and heads this is the plain paired problem, for which scipy has a closed form."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(0.52, 0.2, 400), rng.normal(0.5, 0.2, 400)
    ours, theirs = compare(a, b, np.ones(400), head_queries=0, resamples=8000), stats.ttest_rel(a, b)
    interval = theirs.confidence_interval(0.95)

    assert ours.difference == pytest.approx(np.mean(a - b))
    assert (ours.lower, ours.upper) == pytest.approx((interval.low, interval.high), abs=0.0015)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.02)
    assert ours.detectable == pytest.approx((1.960 + 0.8416) * np.std(a - b, ddof=1) / 20, rel=0.03)


@pytest.mark.parametrize("head_queries", [30, 10_000])
def test_intervals_cover_the_truth_as_often_as_they_claim(head_queries):
    """400 worlds with Zipf traffic and a true gain of 0.01; 95 % intervals hold it in 92–99 %."""
    rng = np.random.default_rng(11)
    traffic, held = zipf(300), 0
    for seed in range(400):
        base = rng.uniform(0.2, 0.8, 300)
        got = compare(
            base + rng.normal(0.01, 0.1, 300), base, traffic, head_queries=head_queries, resamples=400, seed=seed
        )
        held += got.lower <= 0.01 <= got.upper

    assert 0.92 <= held / 400 <= 0.99


def test_the_detectable_gain_is_found_in_four_of_five_worlds():
    """80 % power means 80 %: plant exactly the gain it names."""
    rng = np.random.default_rng(2)
    traffic, base = np.ones(300), np.full(300, 0.5)
    error = 0.1 / math.sqrt(300)
    gain = (1.960 + 0.8416) * error
    worlds = [compare(base + rng.normal(gain, 0.1, 300), base, traffic, resamples=400, seed=s) for s in range(300)]

    assert np.mean([w.lower > 0 for w in worlds]) == pytest.approx(0.8, abs=0.07)
    assert np.mean([w.detectable for w in worlds]) == pytest.approx(gain, rel=0.05)


def test_one_heavy_query_cannot_prove_a_gain_that_others_have_by_chance():
    """Half the traffic improves by 0.3, but queries differ by 0.4 either way: no proof."""
    traffic, gain = np.r_[500.0, np.full(500, 1.0)], np.r_[0.3, np.tile([0.4, -0.4], 250)]
    noisy = compare(0.5 + gain, np.full(501, 0.5), traffic, head_queries=50)
    still = compare(0.5 + gain * [1, *[0] * 500], np.full(501, 0.5), traffic, head_queries=50)

    assert (noisy.difference, still.difference) == (pytest.approx(0.15), pytest.approx(0.15))
    assert noisy.lower < 0 < still.lower


def test_swapping_the_rankings_mirrors_the_answer():
    rng = np.random.default_rng(1)
    a, b, traffic = rng.random(200), rng.random(200), zipf(200)
    forth, back = compare(a, b, traffic, seed=4), compare(b, a, traffic, seed=4)

    assert back.difference == pytest.approx(-forth.difference)
    assert (back.lower, back.upper) == pytest.approx((-forth.upper, -forth.lower), abs=0.15 * forth.standard_error)
    assert forth == compare(a, b, traffic, seed=4)


def test_queries_without_a_value_on_either_side_are_left_out():
    a, b = np.array([0.9, np.nan, 0.7, 0.8]), np.array([0.8, 0.1, np.nan, 0.6])

    assert compare(a, b, np.ones(4)).queries == 2
    assert compare(a, b, np.ones(4)).difference == pytest.approx(0.15)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_queries_prove_nothing(n):
    got = compare(np.ones(n), np.zeros(n), np.ones(n))

    assert (got.queries, math.isnan(got.lower), math.isnan(got.detectable)) == (n, True, True)


def test_unpaired_input_is_refused():
    with pytest.raises(UsageError, match="pair the rankings"):
        compare(np.ones(3), np.ones(2), np.ones(3))
