"""Expected consumption: against the truth of simulated searches, and by its own algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.metrics.expected import Logged, expected_consumption
from reprise.metrics.ranking import rank

THETA = np.array([1, 0.674, 0.414, 0.293])
ITEMS = 6


def logged_by(rng, g, orders, shares, searches):
    """Sums over searches of each query, answered by one of the orders: binomial looks, Bernoulli consumption."""
    queries = g.shape[0]
    utility, examination, impressions = (np.zeros((queries, ITEMS)) for _ in range(3))
    for order, share in zip(orders, shares, strict=True):
        n = np.round(searches * share).astype(int)
        for place, theta in enumerate(THETA):
            shown = order[:, place]
            rows = np.arange(queries)
            utility[rows, shown] += rng.binomial(n, theta * g[rows, shown])
            examination[rows, shown] += n * theta
            impressions[rows, shown] += n
    return utility.ravel(), examination.ravel(), impressions.ravel()


class World:
    """300 queries of six items; four fifths of the searches see one order, the rest another; g is remembered badly."""

    def __init__(self, seed, remembered="well"):
        rng = np.random.default_rng(seed)
        self.g = rng.beta(1, 3, (300, ITEMS))
        self.searches = rng.integers(50, 400, 300).astype(float)
        orders = [np.argsort(-(self.g + rng.normal(0, noise, self.g.shape)), axis=1) for noise in (0.1, 0.6)]
        utility, examination, impressions = logged_by(rng, self.g, orders, (0.8, 0.2), self.searches)
        guess = self.g.ravel() * {"well": 1.0, "too low": 0.5}[remembered]
        self.logged = Logged(utility, examination, impressions, guess, self.searches)
        self.codes = np.repeat(np.arange(300), ITEMS)
        self.scores = (self.g + rng.normal(0, 0.25, self.g.shape)).ravel()

    def truth(self):
        """Σ θ(place) · g of the new order, weighted by searches."""
        order = np.argsort(-self.scores.reshape(300, ITEMS), axis=1)[:, :4]
        worth = np.take_along_axis(self.g, order, axis=1) @ THETA
        return worth @ self.searches / self.searches.sum()

    def mean(self, values):
        return np.nansum(values * self.searches) / self.searches[~np.isnan(values)].sum()


def test_doubly_robust_finds_the_truth_where_the_direct_estimate_cannot():
    """With g remembered at half its size the direct estimate is half; the robust one is within 3 %."""
    errors = {"direct": [], "ips": [], "snips": [], "doubly_robust": []}
    for seed in range(12):
        world = World(seed, "too low")
        found = expected_consumption(world.codes, world.scores, world.logged, THETA)
        for name, values in errors.items():
            value = getattr(found, name)
            values.append((value if name == "snips" else world.mean(value)) / world.truth() - 1)
    bias = {name: np.mean(values) for name, values in errors.items()}

    assert bias["direct"] == pytest.approx(-0.5)
    assert abs(bias["doubly_robust"]) < 0.03
    assert abs(bias["ips"]) < 0.05
    assert abs(bias["snips"]) < 0.1
    assert abs(bias["doubly_robust"]) < abs(bias["ips"])


def test_what_g_knows_well_is_not_made_worse():
    """With g exact, the correction is noise around nothing."""
    worlds = [World(seed) for seed in range(12)]
    found = [expected_consumption(w.codes, w.scores, w.logged, THETA) for w in worlds]

    assert np.mean([w.mean(f.doubly_robust) / w.truth() - 1 for w, f in zip(worlds, found, strict=True)]) == (
        pytest.approx(0, abs=0.01)
    )


def test_the_live_order_is_worth_what_it_brought():
    """One order live and evaluated, nothing cut: every search's consumption, exactly, by three of the four."""
    rng = np.random.default_rng(3)
    g = rng.beta(1, 3, (40, ITEMS))
    searches = np.full(40, 90.0)
    order = np.argsort(-g, axis=1)
    utility, examination, impressions = logged_by(rng, g, [order], [1.0], searches)
    logged = Logged(utility, examination, impressions, rng.random(40 * ITEMS), searches)
    found = expected_consumption(np.repeat(np.arange(40), ITEMS), g.ravel(), logged, THETA, clip=np.inf)
    brought = utility.reshape(40, ITEMS).sum(axis=1) / 90

    assert found.doubly_robust == pytest.approx(brought)
    assert found.ips == pytest.approx(brought)
    assert found.snips == pytest.approx(brought.mean())
    assert found.support.hole_rate == 0
    assert found.support.effective_impressions == pytest.approx(found.support.impressions)
    assert found.support.reason == ""


@given(st.lists(st.integers(0, 3), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_exposure_is_the_mean_over_all_orders_of_ties(scores, random):
    """Drawn at random a thousand times over."""
    scores = np.array(scores, float)
    rng = np.random.default_rng(random.randrange(1 << 30))
    drawn = np.zeros(len(scores))
    for _ in range(1000):
        order = np.lexsort((rng.random(len(scores)), -scores))[:4]
        drawn[order] += THETA[: len(order)] / 1000

    assert rank(np.zeros(len(scores), int), scores, 1).exposure(THETA, len(scores)) == pytest.approx(drawn, abs=0.09)


def one_query(**fields):
    base = {
        "utility": [9.0, 0, 0], "examination": [30.0, 20, 0], "impressions": [30.0, 30, 0], "g": [0.3, 0.1, 0.2],
        "searches": [30.0],
    }  # fmt: skip
    return Logged(**{name: np.array(values, float) for name, values in (base | fields).items()})


def test_holes_are_counted_by_what_would_be_looked_at():
    """The item never shown would stand first: 1 of 1 + 0.674 + 0.414."""
    found = expected_consumption(np.zeros(3, int), np.array([2.0, 1, 3]), one_query(), THETA)

    assert found.support.hole_rate == pytest.approx(1 / 2.088)
    assert "never shown" in found.support.reason
    assert "48%" in found.support.reason


def test_where_the_logs_say_nothing_the_answer_is_what_g_says():
    logged = one_query(utility=[0, 0, 0], examination=[0, 0, 0], impressions=[0, 0, 0])
    found = expected_consumption(np.zeros(3, int), np.array([2.0, 1, 3]), logged, THETA)

    assert found.doubly_robust == found.direct == pytest.approx(0.2 + 0.674 * 0.3 + 0.414 * 0.1)
    assert found.support.reason == "nothing that it would show was shown"
    assert np.isnan(found.snips)


def test_few_impressions_with_all_the_weight_are_named():
    """99,999 impressions where hardly anybody would look now, one where everybody would."""
    logged = Logged(
        utility=np.array([1.0, 0]), examination=np.array([1e-3, 9e4]), impressions=np.array([1.0, 99_999]),
        g=np.array([0.1, 0.1]), searches=np.array([1e5]),
    )  # fmt: skip
    found = expected_consumption(np.zeros(2, int), np.array([2.0, 1]), logged, np.array([1, 1e-6]), clip=np.inf)

    assert "carry all the weight" in found.support.reason


def test_the_cut_shows_what_it_costs():
    """A weight of 20 counts 2, 5, 10 or 20 times, and at last in full."""
    logged = Logged(*(np.array([v]) for v in (1.0, 5.0, 5.0, 0.0, 100.0)))
    found = expected_consumption(np.zeros(1, int), np.ones(1), logged, THETA)

    assert found.clip_curve == pytest.approx({"2": 0.02, "5": 0.05, "10": 0.1, "20": 0.2, "inf": 0.2})


def test_queries_without_searches_or_candidates_do_not_count():
    logged = Logged(*(np.array([v]) for v in (1.0, 5.0, 5.0, 0.0)), searches=np.array([100.0, 50.0, 0.0]))
    found = expected_consumption(np.zeros(1, int), np.ones(1), logged, THETA)

    assert np.isnan(found.doubly_robust[1:]).all()
    assert found.clip_curve["inf"] == pytest.approx(0.2)
