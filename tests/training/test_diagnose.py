"""The verdict on a ranker's fit: planted curves, and rankers that are too large, too small and just learning."""

import numpy as np
import pytest

from reprise.training.diagnose import diagnose, standard_error

RISING = np.linspace(0.5, 0.8, 100)


@pytest.mark.parametrize(
    ("train", "held_out", "kept", "expected"),
    [
        (np.linspace(0.5, 0.98, 100), np.r_[np.linspace(0.5, 0.65, 30), np.linspace(0.65, 0.6, 70)], 100, "overfitted"),
        (np.full(100, 0.52), np.full(100, 0.52), 100, "underfitted"),
        (RISING, RISING - 0.02, 100, "unfinished"),
        (np.r_[RISING[:60], np.full(40, 0.7)], np.r_[RISING[:60] - 0.02, np.full(40, 0.65)], 60, "fits"),
        ([0.8], [0.78], 1, "fits"),
        ([0.95], [0.6], 1, "overfitted"),
    ],
)
def test_planted_curves(train, held_out, kept, expected):
    found = diagnose(list(train), list(held_out), kept, 0.4, 0.01, 0.15)

    assert found.verdict == expected
    assert found.words.startswith(expected)
    assert found.gap == pytest.approx(train[kept - 1] - held_out[kept - 1])
    assert found.fell == pytest.approx(max(held_out) - held_out[-1])


def test_a_gap_that_may_be_chance_is_none():
    """Few held-out queries: twice the standard error is more than the gap."""
    assert diagnose([0.9], [0.7], 1, 0.4, 0.15, 0.1).verdict == "fits"
    assert diagnose([0.9], [0.7], 1, 0.4, 0.05, 0.1).verdict == "overfitted"


def test_the_standard_error_is_that_of_many_samples():
    random = np.random.default_rng(2)
    values, weights = random.random(400), random.exponential(1, 400)
    drawn = [random.integers(0, 400, 400) for _ in range(3000)]

    expected = np.std([values[one] @ weights[one] / weights[one].sum() for one in drawn])

    assert standard_error(values, weights) == pytest.approx(expected, rel=0.1)
    assert standard_error(np.r_[values, np.nan], np.r_[weights, 5.0]) == standard_error(values, weights)
    assert np.isnan(standard_error(np.array([0.5]), np.ones(1)))
