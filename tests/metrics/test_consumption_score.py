"""The consumption score from daily sums: by hand, and its interval against the spread of repeated draws."""

import numpy as np
import pytest

from reprise.metrics.consumption_score import consumption_score


def row(bucket=0, journeys=10, score=4.0, **more):
    base = {
        "user_bucket": bucket, "journeys": journeys, "score_sum": score, "successes": 3, "bounces": 2,
        "keystrokes_sum": 25, "time_to_success_s_sum": 60.0,
    }  # fmt: skip
    return base | more


def test_ratios_of_sums():
    """(4 + 1) / (10 + 30): a journey counts as one, whichever row it is in."""
    found = consumption_score([row(), row(bucket=1, journeys=30, score=1.0)])

    assert found.score == pytest.approx(5 / 40)
    assert (found.success_share, found.bounce_share) == pytest.approx((6 / 40, 4 / 40))
    assert (found.keystrokes, found.seconds_to_success) == pytest.approx((50 / 40, 20.0))
    assert found.journeys == 40


def test_without_journeys_there_is_no_score():
    found = consumption_score([])

    assert np.isnan([found.score, found.low, found.high, found.seconds_to_success]).all()
    assert found.journeys == 0


def test_the_interval_is_as_wide_as_the_score_varies():
    """200 weeks of 100 buckets of listeners who differ: 95 % of the intervals hold the mean of all."""
    rng = np.random.default_rng(5)
    held = []
    for week in range(200):
        liking, many = rng.beta(2, 3, 100), rng.integers(5, 60, 100)
        rows = [row(b, int(n), float(rng.binomial(n, p))) for b, (n, p) in enumerate(zip(many, liking, strict=True))]
        found = consumption_score(rows, seed=week)
        held.append(found.low <= 0.4 <= found.high)

    assert np.mean(held) == pytest.approx(0.95, abs=0.05)


def test_one_bucket_has_no_interval():
    assert np.isnan(consumption_score([row(), row()]).low)
