"""Weights that keep to signs, beside an independent solver of bounded least squares."""

import numpy as np
from scipy.optimize import lsq_linear

from reprise.training.signs import keeping


def problem(seed):
    """Correlated columns, a target, and what is known of each column's sign."""
    random = np.random.default_rng(seed)
    k = int(random.integers(2, 9))
    mixing = np.eye(k) + random.normal(size=(k, k)) * random.choice([0, 0.3, 1.0])
    x = random.normal(size=(60, k)) @ mixing
    y = x @ random.normal(size=k) * random.choice([0.1, 1]) + random.normal(size=60)
    return (x - x.mean(0)) / x.std(0), y - y.mean(), random.integers(-1, 2, k)


def held_to(x, y, signs):
    names = [f"f{n}" for n in range(len(signs))]
    fits = []

    def fit(kept):
        fits.append(kept)
        columns = [names.index(name) for name in kept]
        return dict(zip(kept, np.linalg.lstsq(x[:, columns], y, rcond=None)[0].tolist(), strict=True))

    found, held = keeping(dict(zip(names, signs.tolist(), strict=True)), names, fit, lambda one: one)
    weights = np.array([(found or {}).get(name, 0.0) for name in names])
    assert sorted(held) == sorted(name for name, weight in zip(names, weights, strict=True) if not weight)
    return weights, fits


def test_it_ends_at_the_bounded_optimum_or_close_by():
    beyond = []
    for seed in range(200):
        x, y, signs = problem(seed)
        weights, _ = held_to(x, y, signs)
        bounds = np.where(signs > 0, -1e-15, -np.inf), np.where(signs < 0, 1e-15, np.inf)
        best = lsq_linear(x, y, bounds=bounds, tol=1e-14).x
        assert (weights * signs >= 0).all()
        beyond.append(((y - x @ weights) ** 2).sum() / ((y - x @ best) ** 2).sum() - 1)

    assert max(beyond) < 0.06
    assert np.mean(np.array(beyond) < 1e-6) > 0.97


def test_where_nothing_is_known_there_is_one_fit():
    x, y, signs = problem(3)
    weights, fits = held_to(x, y, 0 * signs)

    assert len(fits) == 1
    np.testing.assert_allclose(weights, np.linalg.lstsq(x, y, rcond=None)[0])


def test_where_everything_known_is_against_the_data_nothing_is_left():
    found, held = keeping(
        {"a": 1, "b": -1}, ["a", "b"], lambda kept: {n: -1.0 if n == "a" else 1.0 for n in kept}, dict
    )

    assert found is None
    assert sorted(held) == ["a", "b"]
