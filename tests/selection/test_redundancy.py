"""Clusters and mRMR on planted features, beside brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from builders.planted import NAMES, planted_rows
from reprise.features.health import spearman
from reprise.selection.redundancy import clusters, mrmr

CHEAP = dict.fromkeys(NAMES, "cheap")


@pytest.fixture(scope="module")
def ranks():
    rows = planted_rows()
    matrix = np.column_stack([rows.vectors.astype(float), rows.g])
    rho = spearman(matrix)
    np.testing.assert_allclose(rho, spearmanr(matrix).statistic, atol=1e-9)
    return rho[:-1, :-1], np.abs(rho[-1, :-1])


def test_twins_are_one_cluster_and_nothing_else_is(ranks):
    found = clusters(NAMES, *ranks[:1], CHEAP, ranks[1], 0.9)

    alone = [[name] for name in NAMES if name not in ("first", "twin")]
    assert sorted(map(sorted, found)) == sorted([["first", "twin"], *alone])


@pytest.mark.parametrize(("costs", "kept"), [({"first": "dear"}, "twin"), ({"twin": "dear"}, "first")])
def test_of_twins_the_cheaper_is_kept(ranks, costs, kept):
    found = clusters(NAMES, ranks[0], CHEAP | costs, ranks[1], 0.9)

    assert next(group for group in found if len(group) == 2)[0] == kept


def test_one_feature_is_one_cluster():
    assert clusters(["a"], np.ones((1, 1)), {"a": "free"}, np.ones(1), 0.9) == [["a"]]


def test_mrmr_puts_a_twin_behind_what_is_new(ranks):
    order = mrmr(NAMES, *ranks)

    first, second = sorted(("first", "twin"), key=order.index)
    assert {first, "second"} == set(order[:2])
    assert order.index(second) > order.index("weak")


@given(st.integers(2, 6), st.integers(0, 1000))
def test_every_place_of_mrmr_is_the_best_that_brute_force_finds(count, seed):
    random = np.random.default_rng(seed)
    rho, relevance = np.corrcoef(random.random((count, 8))), random.random(count)
    names = [f"f{n}" for n in range(count)]

    order = [names.index(name) for name in mrmr(names, rho, relevance)]

    for place in range(count):
        before, left = order[:place], order[place:]
        worth = {n: relevance[n] - (sum(abs(rho[n, b]) for b in before) / place if place else 0) for n in left}
        assert worth[order[place]] == pytest.approx(max(worth.values()))
