"""The click models: planted parameters found again, and tiny sessions worked out by listing all that can happen."""

import itertools

import numpy as np
import pytest

from reprise.clicks.compare import compared, foretold
from reprise.clicks.models import Fitted, Setting, _expected, fit
from reprise.clicks.sessions import Sessions, sessions_of

THETA = np.array([1, 0.674, 0.414, 0.293, 0.208])


class Lists:
    """Sessions over a few queries of eight items, five shown at random places."""

    def __init__(self, seed, sessions=20_000, queries=6):
        rng = self.rng = np.random.default_rng(seed)
        self.attraction, self.satisfaction = rng.uniform(0.1, 0.7, (queries, 8)), rng.uniform(0.2, 0.9, (queries, 8))
        self.query = rng.integers(0, queries, sessions)
        self.items = np.array([rng.permutation(8)[:5] for _ in range(sessions)])
        self.a = self.attraction[self.query[:, None], self.items]
        self.s = self.satisfaction[self.query[:, None], self.items]

    def by_place(self):
        clicked = self.rng.random(self.a.shape) < self.a * THETA
        return self.sessions(clicked, self.rng.random(self.a.shape) < self.s)

    def down_the_list(self, gamma):
        clicked, satisfied = np.zeros(self.a.shape, bool), np.zeros(self.a.shape, bool)
        looks = np.ones(len(self.a), bool)
        for k in range(5):
            clicked[:, k] = looks & (self.rng.random(len(looks)) < self.a[:, k])
            satisfied[:, k] = clicked[:, k] & (self.rng.random(len(looks)) < self.s[:, k])
            looks = looks & ~satisfied[:, k] & (self.rng.random(len(looks)) < gamma)
        return self.sessions(clicked, satisfied)

    def sessions(self, clicked, satisfied, plays=True):
        pair = self.query[:, None] * 8 + self.items
        names = [(f"q{q}", f"i{i}") for q in range(len(self.attraction)) for i in range(8)]
        return Sessions(names, pair, clicked, clicked & satisfied, plays)


def test_pbm_finds_what_was_planted():
    """θ within 5 % and every attraction within what 20,000 sessions allow."""
    lists = Lists(1)
    found = fit("pbm", lists.by_place(), Setting(iterations=500))

    assert found.theta == pytest.approx(THETA, rel=0.05)
    assert found.attraction == pytest.approx(lists.attraction.ravel(), abs=0.05)


@pytest.mark.parametrize("gamma", [0.6, 0.9])
def test_dbn_finds_what_was_planted(gamma):
    lists = Lists(2)
    found = fit("dbn", lists.down_the_list(gamma), Setting(iterations=500, gamma=0.5))

    assert found.gamma == pytest.approx(gamma, abs=0.02)
    assert found.attraction == pytest.approx(lists.attraction.ravel(), abs=0.06)
    assert found.satisfaction == pytest.approx(lists.satisfaction.ravel(), abs=0.08)


def test_dbn_without_plays_still_finds_the_order():
    """From clicks alone satisfaction is blurred; what an item is worth keeps its order."""
    lists = Lists(3, sessions=40_000, queries=2)
    found = fit("dbn", lists.down_the_list(0.9).without_plays(), Setting(iterations=500))
    worth = (lists.attraction * lists.satisfaction).ravel()

    assert np.corrcoef(found.worth, worth)[0, 1] > 0.95


def test_sdbn_finds_what_was_planted():
    lists = Lists(4)
    found = fit("sdbn", lists.down_the_list(1.0))

    assert found.attraction == pytest.approx(lists.attraction.ravel(), abs=0.05)
    assert found.satisfaction == pytest.approx(lists.satisfaction.ravel(), abs=0.08)


def test_sdbn_by_hand():
    """A session ends at its last click: a is seen in both, clicked once; c only where nothing stopped before it."""
    records = [
        {"query": "q", "results": ["a", "b", "c"], "clicks": [1, 1, 0]},
        {"query": "q", "results": ["a", "b", "c"], "clicks": [0, 0, 0]},
    ]
    found = fit("sdbn", sessions_of(records), Setting(prior=(0, 0)))

    assert found.attraction.tolist() == [0.5, 0.5, 0]
    assert found.satisfaction.tolist() == [0, 1, 0]


def test_sdbn_with_plays_by_hand():
    """The last click did not satisfy, so the listener saw the list to its end."""
    records = [{"query": "q", "results": ["a", "b", "c"], "clicks": [1, 0, 0], "seconds": [12, 0, 0]}]
    found = fit("sdbn", sessions_of(records), Setting(prior=(0, 0)))
    looked = fit("sdbn", sessions_of(records), Setting(prior=(1, 1)))

    assert found.satisfaction[0] == 0
    assert looked.attraction == pytest.approx([1.0, 0.5, 0.5])


def all_paths(a, s, gamma):
    """Yield (chance, clicks, looked, satisfied) of all that can happen on one list, by listing it."""

    def walk(k, chance, clicks, looked, satisfied):
        if k == len(a):
            yield chance, clicks, looked, satisfied
            return
        for click in (0, 1):
            at = chance * (a[k] if click else 1 - a[k])
            for happy in (0, 1) if click else (0,):
                here = at * ((s[k] if happy else 1 - s[k]) if click else 1)
                c, e, h = (*clicks, click), (*looked, 1), (*satisfied, happy)
                pad = (0,) * (len(a) - k - 1)
                stop = 1.0 if happy else 1 - gamma
                if k + 1 == len(a):
                    yield here, c, e, h
                    continue
                if stop > 0:
                    yield here * stop, c + pad, e + pad, h + pad
                if not happy and gamma > 0:
                    yield from walk(k + 1, here * gamma, c, e, h)

    yield from walk(0, 1.0, (), (), ())


@pytest.mark.parametrize("seed", range(5))
def test_dbn_by_listing_all_that_can_happen(seed):
    """Chances of clicks, alone and given those above, and what EM expects: from every path of a list of four."""
    rng = np.random.default_rng(seed)
    a, s, gamma = rng.uniform(0.1, 0.9, 4), rng.uniform(0.1, 0.9, 4), rng.uniform(0.3, 1)
    paths = list(all_paths(a, s, gamma))
    patterns = list(itertools.product((0, 1), repeat=4))
    clicked = np.array(patterns, bool)
    sessions = Sessions([("q", str(i)) for i in range(4)], np.tile(np.arange(4), (16, 1)), clicked, clicked, False)
    model = Fitted("dbn", a, s, np.ones(1), gamma, (0.5, 0.5))
    joint = np.array([sum(p for p, c, _, _ in paths if c == pattern) for pattern in patterns])

    given = model.given_clicks_above(sessions)
    assert np.where(clicked, given, 1 - given).prod(axis=1) == pytest.approx(joint)
    assert joint.sum() == pytest.approx(1)
    assert model.marginal(sessions)[0] == pytest.approx(joint @ clicked)

    looked, content, went, could = _expected(sessions, a, s, gamma)
    for n, pattern in enumerate(patterns):
        mine = [(p, e, h) for p, c, e, h in paths if c == pattern]
        total = sum(p for p, _, _ in mine)
        assert looked[n] == pytest.approx(sum(p * np.array(e) for p, e, _ in mine) / total)
        assert content[n] == pytest.approx(sum(p * np.array(h) for p, _, h in mine) / total)
    expected_went = sum(
        sum(p * sum(e[1:]) for p, c, e, _ in paths if c == pattern) / joint[n] for n, pattern in enumerate(patterns)
    )
    expected_could = sum(
        sum(p * sum(e[k] and not h[k] for k in range(3)) for p, c, e, h in paths if c == pattern) / joint[n]
        for n, pattern in enumerate(patterns)
    )
    assert (went, could) == pytest.approx((expected_went, expected_could))


def test_pbm_by_listing_all_clicks():
    a, theta = np.array([0.4, 0.7, 0.2]), np.array([1, 0.5, 0.25])
    patterns = np.array(list(itertools.product((0, 1), repeat=3)), bool)
    sessions = Sessions([("q", str(i)) for i in range(3)], np.tile(np.arange(3), (8, 1)), patterns, patterns, False)
    model = Fitted("pbm", a, np.ones(3), theta, 1.0, (0.5, 1.0))
    chance = np.where(patterns, a * theta, 1 - a * theta).prod(axis=1)

    assert foretold(model, sessions).log_likelihood == pytest.approx(np.log(chance).mean())
    assert model.marginal(sessions)[0] == pytest.approx(chance @ patterns)


def test_em_never_gets_worse():
    """Without a prior, each iteration raises the likelihood of the sessions it learns from."""
    sessions = Lists(5, sessions=400).down_the_list(0.7).without_plays()
    for name in ("pbm", "dbn"):
        likely = [
            foretold(fit(name, sessions, Setting((0, 0), 0.5, iterations=n, tolerance=0)), sessions).log_likelihood
            for n in (1, 2, 3, 5, 9, 20, 60)
        ]
        assert np.all(np.diff(likely) > -1e-9), name


@pytest.mark.parametrize(("reads", "best"), [("by_place", "pbm"), ("down_the_list", "dbn")])
def test_who_made_the_clicks_foretells_them_best(reads, best):
    lists = Lists(6)
    sessions = lists.by_place() if reads == "by_place" else lists.down_the_list(0.7)
    ranked = compared(sessions)

    assert ranked[0].model == best
    assert ranked[0].mean_perplexity == min(found.mean_perplexity for found in ranked)
    assert ranked[0].sessions == 4000


def test_perplexity_of_a_coin_is_two():
    model = Fitted("pbm", np.array([0.5]), np.ones(1), np.ones(1), 1.0, (0.5, 1.0))
    clicked = np.array([[True], [False]])

    assert foretold(model, Sessions([("q", "a")], np.zeros((2, 1), int), clicked, clicked, False)).perplexity == (2.0,)


def test_a_pair_never_seen_is_like_the_mean_of_all():
    lists = Lists(7, sessions=500, queries=2)
    known = lists.by_place()
    found = fit("pbm", known.take(lists.query == 0))
    new = known.take(lists.query == 1)

    assert np.isnan(found.attraction[8:]).all()
    assert found.marginal(new) == pytest.approx(np.tile(found.unseen[0] * found.theta, (len(new.pair), 1)))
