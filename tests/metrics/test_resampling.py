"""One draw for many differences: each comes out as it would alone, and as a plain bootstrap would have it."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from reprise.metrics import compare, compare_all
from reprise.metrics.resampling import _Columns


def differences(queries=600, seed=3):
    """Whole differences, a segment, one that a ranking lacks values for, and one of few queries."""
    random = np.random.default_rng(seed)
    whole = random.normal(0.01, 0.1, queries)
    segment = np.where(np.arange(queries) % 3 == 0, whole, np.nan)
    lacking = np.where(random.random(queries) < 0.9, -2 * whole, np.nan)
    return [whole, segment, lacking, np.where(np.arange(queries) < 3, whole, np.nan)]


def zipf(n):
    return np.floor(3000 / np.arange(1, n + 1)) + 1


def test_each_comes_out_as_it_would_alone_to_the_last_bit():
    """Whatever stands beside it, in any order: a report made again is the same report."""
    given, traffic = differences(), zipf(600)
    together = compare_all(given, traffic, seed=5)
    reversed_ = compare_all(given[::-1] * 3, traffic, seed=5)

    assert together == [compare_all([one], traffic, seed=5)[0] for one in given]
    assert reversed_[:4] == together[::-1]
    assert compare(given[0], np.zeros(600), traffic, seed=5) == together[0]
    assert compare_all(given, traffic, seed=6) != together


@pytest.mark.parametrize("traffic", [np.ones(600), np.sqrt(zipf(600))], ids=["equal", "skewed"])
def test_a_segment_spreads_as_scipy_resamples_it(traffic):
    """Without heads a weighted mean is an ordinary statistic of queries; scipy draws these with replacement."""
    given = differences()[1]
    ours = compare_all([differences()[0], given], traffic, head_queries=0, resamples=4000)[1]
    there = ~np.isnan(given)
    theirs = stats.bootstrap(
        (given[there], traffic[there]),
        lambda d, w, axis: (d * w).sum(axis) / w.sum(axis),
        paired=True, vectorized=True, n_resamples=4000, method="percentile", rng=np.random.default_rng(0),
    )  # fmt: skip

    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.05)
    assert (ours.lower, ours.upper) == pytest.approx(tuple(theirs.confidence_interval), abs=0.2 * ours.standard_error)


def test_p_values_agree_with_scipys_permutation_test():
    given = differences()[1]
    ours = compare_all([given], np.ones(600), resamples=5000)[0]
    theirs = stats.permutation_test(
        (given[~np.isnan(given)], np.zeros(200)), lambda a, b, axis: (a - b).mean(axis), permutation_type="samples",
        vectorized=True, n_resamples=5000, rng=np.random.default_rng(0),
    )  # fmt: skip

    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.03)


def test_sums_are_exact():
    """Against rational arithmetic: whole numbers, no matter how many, however the processor adds them."""
    random = np.random.default_rng(0)
    values = random.normal(size=5000) * 10.0 ** random.integers(-6, 3, 5000)
    weights = random.integers(0, 2**13, (4, 5000)).astype(float)
    columns = _Columns([(np.arange(5000), values)], 5000, 39)
    found = columns.sums(weights, scaled=False)[:, 0]
    whole = [Fraction(int(v)) for v in columns._matrix[:, 0]]

    assert [Fraction(f) for f in found] == [
        sum((Fraction(int(w)) * v for w, v in zip(row, whole, strict=True)), Fraction(0)) for row in weights
    ]
    assert columns.sums(weights)[:, 0] == pytest.approx(weights @ values, rel=1e-7)
    assert np.max(np.abs(found)) < 2**53


def test_two_queries_of_a_segment_still_have_an_interval():
    """Drawn with replacement they would be missing from one resample in seven."""
    d = np.full(400, np.nan)
    d[[7, 300]] = 0.1, 0.2
    found = compare_all([d], np.ones(400), head_queries=0)[0]

    assert found.queries == 2
    assert found.lower < found.difference < found.upper
