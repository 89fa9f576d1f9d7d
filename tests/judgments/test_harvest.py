"""The curve from contrasts: exact without noise, like another library's fit with it, and honest intervals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from reprise.judgments.harvest import Contrast, Steps, fit, harvested

THETAS = st.lists(st.floats(0.3, 1.1), min_size=1, max_size=7).map(lambda steps: np.cumprod([1.0, *steps]))


def every_step(positions):
    return Steps(np.arange(positions - 1), (0,) * positions)


def noiseless(theta, pairs, amount=100.0):
    """Contrasts as they would be on average, each pair with its own number of clicks."""
    places = np.array(pairs)
    clicks = theta[places - 1] * amount * (1 + np.arange(len(pairs)))[:, None]
    return places, clicks


@given(THETAS, st.randoms(use_true_random=False))
def test_without_noise_the_curve_is_exact(theta, random):
    """Whatever the pairs, as long as each position is compared with some higher one."""
    positions = range(2, len(theta) + 1)
    pairs = {(random.randrange(1, k), k) for k in positions} | {(random.randrange(1, k), k) for k in positions}
    places, clicks = noiseless(theta, sorted(pairs))

    assert fit(places, clicks, every_step(len(theta))) == pytest.approx(theta, rel=1e-6)


@given(st.lists(st.tuples(st.floats(1, 500), st.floats(1, 500)), min_size=1, max_size=8))
def test_neighbours_alone_make_a_chain(clicks):
    """The product of the ratios, by definition of the chain."""
    places = np.array([(k, k + 1) for k in range(1, len(clicks) + 1)])
    chained = np.cumprod([1.0, *(lower / upper for upper, lower in clicks)])

    assert fit(places, np.array(clicks), every_step(len(clicks) + 1)) == pytest.approx(chained, rel=1e-6)


def test_with_noise_it_is_the_logistic_regression():
    """scikit-learn's, on a click per row: +1 at its own position, −1 at the other."""
    rng = np.random.default_rng(4)
    places = np.array([(a, b) for b in range(2, 7) for a in range(1, b)])
    clicks = rng.uniform(5, 300, (len(places), 2))
    design = np.zeros((len(places), 6))
    design[np.arange(len(places)), places[:, 0] - 1] = 1
    design[np.arange(len(places)), places[:, 1] - 1] = -1
    other = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, max_iter=10_000)
    rows = np.vstack([design[:, 1:], design[:, 1:]])
    other.fit(rows, np.repeat([1, 0], len(places)), sample_weight=clicks.T.ravel())

    assert np.log(fit(places, clicks, every_step(6)))[1:] == pytest.approx(other.coef_[0], abs=1e-5)


def test_pooled_steps_share_their_ratio():
    theta = np.array([1, 0.5, 0.4, 0.32, 0.256])
    places, clicks = noiseless(theta, [(1, 2), (2, 4), (3, 5)])
    steps = Steps(np.array([0, 1, 1, 1]), (0,) * 5)

    assert fit(places, clicks, steps) == pytest.approx(theta)


def drawn(theta, seed, parts=100):
    """Contrasts of Poisson clicks; queries differ in how much they are searched, as in life."""
    rng = np.random.default_rng(seed)
    for part in range(parts):
        amount = rng.gamma(1.0, 12.0)
        for b in range(2, len(theta) + 1):
            for a in range(1, b):
                upper, lower = rng.poisson(amount * theta[[a - 1, b - 1]])
                yield Contrast(a, b, float(upper), float(lower), 9, "", part)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Of 200 worlds, 95 % give or take what 200 draws allow."""
    theta = np.array([1, 0.674, 0.414, 0.293])
    held = []
    for seed in range(200):
        _, low, high = harvested(list(drawn(theta, seed)), every_step(4), 200)
        held.append((low <= theta) & (theta <= high))

    assert np.mean(held, axis=0)[1:] == pytest.approx(0.95, abs=0.035)


def test_far_pairs_make_the_deep_end_surer():
    """Of the same clicks, all pairs leave less than two thirds of the chain's spread at the last position."""
    theta = np.array([1, 0.674, 0.414, 0.293, 0.208, 0.171])
    deep = {"all": [], "chain": []}
    for seed in range(40):
        contrasts = list(drawn(theta, seed))
        deep["all"].append(harvested(contrasts, every_step(6), 0)[0][-1])
        chain = [c for c in contrasts if c.lower == c.upper + 1]
        deep["chain"].append(harvested(chain, every_step(6), 0)[0][-1])

    assert np.std(deep["all"]) < 0.67 * np.std(deep["chain"])


def test_a_position_nobody_clicked_does_not_stop_the_fit():
    theta = fit(np.array([(1, 2), (2, 3)]), np.array([(50.0, 25.0), (20.0, 0.0)]), every_step(3))

    assert theta[1] == pytest.approx(0.5)
    assert theta[2] < 1e-3
