"""What retrieval leaves to a ranker, beside brute force over every order."""

from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest

from builders.small_service import judgment, publish_run, query_group, small_plan
from reprise import tables
from reprise.training.ceiling import measure

THETA = [1.0, 0.5, 0.25]
#: query → (item, utility of 20 looks, retrieved)
WANTED = {
    "raga": [("song:1", 16, True), ("song:2", 9, False), ("song:3", 4, True), ("song:4", 12, True)],
    "night": [("song:1", 3, False), ("song:5", 15, False)],
    "river": [("song:6", 7, True)],
}
SEARCHES = {"raga": 40, "night": 9, "river": 3}


@pytest.fixture
def plan(tmp_path):
    plan = small_plan(tmp_path)
    curve = [
        {"theta_variant": "measured", "surface": "", "position": k, "theta": theta, "pairs": 9, "method": "given"}
        for k, theta in enumerate(THETA, 1)
    ]
    publish_run(plan, "propensities", curve)
    return plan


def found(plan, wanted=WANTED, **users):
    block = plan.block("test")[0].name
    rows = [judgment(block, q, item, u, 20.0) for q, items in wanted.items() for item, u, _ in items]
    other = [judgment(block, q, item, 20.0, 20.0, "steeper") for q, items in wanted.items() for item, *_ in items]
    training = [
        {"role": "test", "query_group": q, "item": item, "engine_rank": 1 if there else 0}
        for q, items in wanted.items()
        for item, _, there in items
    ]
    groups = [query_group(block, q, n, users=users.get(q, 50)) for q, n in SEARCHES.items()]
    tables_ = (pa.Table.from_pylist(training), pa.Table.from_pylist([*rows, *other], tables.judgments),
               pa.Table.from_pylist(groups, tables.query_groups))  # fmt: skip
    return {row["item"]: row["g"] for row in rows if row["query_group"] == "raga"}, measure(plan, *tables_)


def best(worth):
    """The best that any order of these brings."""
    return max((float(np.dot(order[:3], THETA[: len(order[:3])])) for order in permutations(worth)), default=0.0)


def test_the_share_is_that_of_the_best_orders(plan):
    g = {q: [(min(1.0, (u + 0.2) / 22), there) for _, u, there in items] for q, items in WANTED.items()}
    within = sum(n * best([v for v, there in g[q] if there]) for q, n in SEARCHES.items())
    whole = sum(n * best([v for v, _ in g[q]]) for q, n in SEARCHES.items())

    _, facts = found(plan)

    assert facts["reachable_share"] == pytest.approx(within / whole)
    assert [one["query"] for one in facts["lost"]] == ["night", "raga"]
    assert (facts["lost"][0]["lost_share"], facts["lost"][0]["items"]) == (1.0, 2)
    assert sum(one["of_all_lost"] for one in facts["lost"]) == pytest.approx(1)


def test_a_query_of_few_listeners_counts_and_is_not_named(plan):
    _, facts = found(plan, night=2)

    assert [one["query"] for one in facts["lost"]] == ["raga"]
    assert facts["reachable_share"] == found(plan)[1]["reachable_share"]


def test_a_query_that_nothing_was_consumed_of_has_no_say(plan):
    """featurize did not ask for it, so nobody knows what it retrieves."""
    _, facts = found(plan, {**WANTED, "night": [("song:1", 0, False), ("song:5", 0, False)]})

    assert [one["query"] for one in facts["lost"]] == ["raga"]


def test_where_all_is_retrieved_nothing_is_out_of_reach(plan):
    _, facts = found(plan, {q: [(i, u, True) for i, u, _ in items] for q, items in WANTED.items()})

    assert (facts["reachable_share"], facts["lost"]) == (1.0, [])
