"""Each loss against scikit-learn's own solver of the same problem, on the rows of a training set."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    TweedieRegressor,
)

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise.errors import RepriseError, UsageError
from reprise.settings import Gate
from reprise.settings.families import Pairwise
from reprise.solr import score
from reprise.training import train
from reprise.training.data import read_data
from reprise.training.family import find_family
from reprise.training.losses import LOSSES, pairs
from reprise.training.standardised import standardised

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def plan(tmp_path_factory, spark):
    plan = small_plan(tmp_path_factory.mktemp("lake"))
    publish_learnable(plan)
    return plan


@pytest.fixture(scope="module")
def data(plan):
    return read_data(plan)


def standard(data):
    """Standardised vectors, g with unshown 0, and weights."""
    x = data.train.vectors.astype(float)
    return (x - x.mean(0)) / x.std(0, ddof=1), np.nan_to_num(data.train.g), data.train.weight


def fitted(data, family, **settings):
    return find_family(family).fit(data, Gate.model_validate({family: settings}))


def weights(fit):
    """The weights of standardised features and the constant, as the family found them."""
    native = json.loads(fit.native[1])
    return np.array(list(native["weights"].values())), native["intercept"]


@pytest.mark.parametrize(("ridge", "lasso"), [(0.0, 0.01), (0.005, 0.01), (0.02, 0.0)])
def test_squared_is_the_elastic_net(data, ridge, lasso):
    """Spark takes both penalties as of labels divided by their spread, so that the squared one is larger by it."""
    x, y, w = standard(data)
    spread = np.sqrt(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
    strength = lasso + ridge / spread
    share = lasso / strength
    own = ElasticNet(alpha=strength, l1_ratio=share, tol=1e-10, max_iter=100_000).fit(x, y, sample_weight=w)

    found, intercept = weights(fitted(data, "linear", ridge=ridge, lasso=lasso))

    np.testing.assert_allclose(found, own.coef_, atol=2e-4)
    assert intercept == pytest.approx(own.intercept_, abs=2e-4)
    if lasso:
        assert (found == 0).sum() == (own.coef_ == 0).sum() > 0


@pytest.mark.parametrize(
    ("family", "settings", "regressor"),
    [
        ("poisson", {}, PoissonRegressor),
        ("gamma", {"floor": 0.02}, GammaRegressor),
        ("tweedie", {"power": 1.4}, lambda **known: TweedieRegressor(power=1.4, link="log", **known)),
    ],
)
@pytest.mark.parametrize("ridge", [0.0, 0.05])
def test_a_log_link_is_the_generalised_linear_model(data, family, settings, regressor, ridge):
    """Spark's penalty is relative to the sum of its working weights, μ^(2−p) times the row's own."""
    x, y, w = standard(data)
    y = np.maximum(y, settings.get("floor", 0.0))
    power = {"poisson": 1.0, "gamma": 2.0}.get(family, settings.get("power"))
    found, intercept = weights(fitted(data, family, ridge=ridge, **settings))
    working = np.average(np.exp(x @ found + intercept) ** (2 - power), weights=w)
    own = regressor(alpha=ridge * working, tol=1e-10, max_iter=10_000).fit(x, y, sample_weight=w)

    np.testing.assert_allclose(found, own.coef_, atol=2e-3)
    assert intercept == pytest.approx(own.intercept_, abs=2e-3)


@pytest.mark.parametrize("ridge", [0.0, 0.03])
def test_logistic_takes_g_as_a_share_of_successes(data, ridge):
    x, y, w = standard(data)
    both, labels = np.vstack([x, x]), np.r_[np.ones(len(x)), np.zeros(len(x))]
    mass = np.r_[w * y, w * (1 - y)]
    strength = {"C": 1 / (ridge * mass.sum())} if ridge else {"C": np.inf}
    own = LogisticRegression(tol=1e-10, max_iter=10_000, **strength).fit(both, labels, sample_weight=mass)

    found, intercept = weights(fitted(data, "logistic", ridge=ridge))

    np.testing.assert_allclose(found, own.coef_[0], atol=2e-3)
    assert intercept == pytest.approx(own.intercept_[0], abs=2e-3)


def test_pairs_are_a_querys_own_and_each_says_who_is_better(data):
    chosen = Pairwise(pairs_per_item=3)
    ready = standardised(data, chosen, "pairwise")
    x, y, w = standard(data)
    found = pairs(ready.rows, chosen).collect()
    again = pairs(ready.rows, chosen).collect()
    known = {}
    for code in range(data.train.queries):
        for one in np.flatnonzero(data.train.codes == code):
            for other in np.flatnonzero((data.train.codes == code) & (y < y[one])):
                known[tuple(np.round(x[one] - x[other], 6))] = (y[one] - y[other]) * min(w[one], w[other])

    per_item = len(found) / (y > 0).sum()

    assert 2.5 < per_item <= 3
    for pair in found:
        towards = np.array(pair.x) * (1 if pair.label else -1)
        assert pair.mass == pytest.approx(known[tuple(np.round(towards, 6))])
    assert 0.4 < np.mean([pair.label for pair in found]) < 0.6
    assert sorted(map(str, found)) == sorted(map(str, again))


def test_pairwise_with_every_pair_is_logistic_regression_of_differences(data):
    x, y, w = standard(data)
    one, other = np.array([(i, j) for i in range(len(y)) for j in range(len(y))
                           if data.train.codes[i] == data.train.codes[j] and y[i] > y[j]]).T  # fmt: skip
    mass = (y[one] - y[other]) * np.minimum(w[one], w[other])
    both, labels = np.vstack([x[one] - x[other], x[other] - x[one]]), np.r_[np.ones(len(one)), np.zeros(len(one))]
    own = LogisticRegression(C=1 / (0.01 * mass.sum()), fit_intercept=False, tol=1e-10, max_iter=10_000)
    own.fit(both, labels, sample_weight=np.r_[mass, mass] / 2)

    found, _ = weights(fitted(data, "pairwise", ridge=0.01, pairs_per_item=1000))

    np.testing.assert_allclose(found, own.coef_[0], atol=2e-3)


@pytest.mark.parametrize("family", LOSSES)
def test_every_loss_learns_what_is_there_and_solr_orders_by_it(data, family):
    fit = fitted(data, family)
    rows = data.validation.only_judged()
    native = json.loads(fit.native[1])
    means, deviations = (np.array(list(native[name].values())) for name in ("means", "deviations"))
    found, intercept = weights(fit)
    expected = intercept + ((rows.vectors - means) / deviations) @ found

    extra = np.ones((len(rows.codes), len(fit.extra_features)), np.float32)
    names = [*NAMES, *(entry["name"] for entry in fit.extra_features)]
    actual = score(fit.model, np.hstack([rows.vectors, extra]), names)

    np.testing.assert_allclose(actual, expected, atol=1e-4)
    assert rows.metric(actual) > 0.93 > rows.metric(np.zeros(len(rows.codes)))
    assert {"plays", "title_terms"} == set(list(fit.importances)[:2])


def test_a_row_may_weigh_by_its_querys_traffic(tmp_path, spark):
    """In memory and in Spark alike; least squares against scikit-learn's."""
    plan = small_plan(tmp_path, gate={"traffic_power": 0.5})
    publish_learnable(plan)
    data = read_data(plan)
    x, y, w = standard(data)
    evidence = np.where(data.train.judged, 0.9, 0.1)
    np.testing.assert_allclose(w, evidence * np.sqrt(data.train.traffic) / np.sqrt(data.train.traffic).mean())
    own = LinearRegression().fit(x, y, sample_weight=w)

    found, _ = weights(fitted(data, "linear", ridge=0.0))

    np.testing.assert_allclose(found, own.coef_, atol=1e-4)
    assert np.abs(own.coef_ - LinearRegression().fit(x, y, sample_weight=evidence).coef_).max() > 1e-3


def test_known_signs_are_kept_as_bounded_least_squares_keeps_them(data):
    x, y, w = standard(data)
    free = dict(zip(data.features, weights(fitted(data, "linear", ridge=0.0))[0].tolist(), strict=True))
    against = {name: -1 if free[name] > 0 else 1 for name in ("plays", "completion", "is_song")}
    known = replace(data, monotone=against)

    fit = fitted(known, "linear", ridge=0.0)

    root = np.sqrt(w)[:, None]
    signs = np.array([*(against.get(name, 0) for name in data.features), 0])
    bounds = np.where(signs > 0, -1e-15, -np.inf), np.where(signs < 0, 1e-15, np.inf)
    design = np.c_[x, np.ones(len(x))]
    best = lsq_linear(root * design, root[:, 0] * y, bounds=bounds, tol=1e-14).x
    np.testing.assert_allclose([*weights(fit)[0], weights(fit)[1]], best, atol=1e-4)
    assert "plays" in fit.notes["held_at_zero"]


@pytest.mark.parametrize("family", ["poisson", "logistic", "pairwise", "gamma"])
def test_a_known_sign_holds_for_every_row_that_solr_scores(data, family):
    fit = fitted(replace(data, monotone={"plays": -1, "title_terms": 1}), family)
    for name, sign in (("plays", -1), ("title_terms", 1)):
        column, steps = NAMES.index(name), []
        for value in np.linspace(0, 1, 5, dtype=np.float32):
            moved = data.validation.vectors.copy()
            moved[:, column] = value
            steps.append(fit.scores(replace(data.validation, vectors=moved)))
        assert (sign * np.diff(steps, axis=0)).min() >= 0
    assert fit.importances["plays"] == 0 < fit.importances["title_terms"]


def test_what_keeps_no_feature_says_so(data):
    with pytest.raises(RepriseError, match=r"the pairwise regression keeps no feature → lower its penalties"):
        fitted(data, "pairwise", lasso=1e4)


def test_held_features_leave_room_for_as_many_components(data):
    fit = fitted(replace(data, monotone={"plays": -1}), "linear", components=len(NAMES))

    assert fit.notes["held_at_zero"] == ["plays"]


@pytest.mark.parametrize("family", ["poisson", "pairwise"])
def test_principal_components_work_under_every_loss(data, family):
    all_of_them = fitted(data, family, ridge=0.0, components=len(NAMES))
    none = fitted(data, family, ridge=0.0)

    np.testing.assert_allclose(weights(all_of_them)[0], weights(none)[0], atol=1e-3)
    with pytest.raises(UsageError, match=f"9 components of 6 features → lower {family}.components"):
        fitted(data, family, components=9)


def test_a_candidate_of_each_loss_is_served(plan):
    for family in LOSSES:
        assert train.run(plan, family).answer == "yes"
