"""Expected consumption of every model in the lake: from plain Python over the same tables, and told in the facts."""

import numpy as np
import pyarrow as pa
import pytest

from builders.small_service import judgment, publish_learnable, publish_run, query_group, small_plan
from reprise.metrics.expected import Expected, Support
from reprise.training import evaluate, train
from reprise.training.counterfactual import estimates, facts, learned_worth
from reprise.training.data import query_codes, read_table

THETA = (1.0, 0.5)


@pytest.fixture(scope="module")
def plan(tmp_path_factory, spark):
    plan = small_plan(tmp_path_factory.mktemp("lake"), request={"rows": 2})
    publish_learnable(plan, queries=30)
    for family in plan.families:
        train.run(plan, family)
    evaluate.run(plan)
    return plan


def read(plan, table, version):
    return plan.open_lake().read(table, version, [plan.partition]).to_pylist()


def by_hand(plan, group):
    """Doubly robust, for the engine's order and one query: two places, weights cut at ten, a prior for each rank."""
    labels = read(plan, "judgments", plan.judgments_version)
    train_blocks = {block.name for block in plan.block("train")}
    learned = [row for row in labels if row["block"] in train_blocks]
    mean = sum(row["utility_sum"] for row in learned) / sum(row["examination_sum"] for row in learned)
    test = [row for row in read(plan, "training_set", plan.training_version) if row["role"] == "test"]
    rank = {(row["query_group"], row["item"]): row["engine_rank"] for row in test}
    rows = [row for row in test if row["query_group"] == group and row["engine_rank"] in (1, 2)]
    total = 0.0
    for row in rows:
        theta = THETA[row["engine_rank"] - 1]
        alike = [one for one in learned if rank.get((one["query_group"], one["item"])) == row["engine_rank"]]
        prior = (sum(one["utility_sum"] for one in alike) + 20 * mean) / (
            sum(one["examination_sum"] for one in alike) + 20
        )
        mine = [label for label in learned if (label["query_group"], label["item"]) == (group, row["item"])]
        u, e = sum(label["utility_sum"] for label in mine), sum(label["examination_sum"] for label in mine)
        g = min(1.0, (u + 2 * prior) / (e + 2))
        tested = [
            label
            for label in labels
            if (label["block"], label["query_group"], label["item"]) == ("test", group, row["item"])
        ]
        total += theta * g
        if tested:
            weight = min(10.0, theta * row["traffic"] / tested[0]["examination_sum"])
            total += weight * (tested[0]["utility_sum"] - tested[0]["examination_sum"] * g) / row["traffic"]
    return total


def test_the_engines_order_by_hand(plan):
    scores = [
        row
        for row in read(plan, "scores", plan.models_version)
        if row["metric"] == "expected_consumption_at_2" and row["model"] == "engine_order"
    ]

    assert {row["role"] for row in scores} == {"test"}
    assert len(scores) == 30
    for row in scores:
        assert row["value"] == pytest.approx(by_hand(plan, row["query_group"]))


def test_the_facts_say_how_far_the_logs_can_speak(plan):
    found = plan.open_lake().published("scores", plan.models_version, plan.partition).facts["expected_consumption"]

    assert set(found) == {"engine_order", "popularity", "best_feature", "linear", "lambdamart"}
    one = found["lambdamart"]
    assert one["clip_curve"]["10"] == pytest.approx(one["doubly_robust"])
    assert 0 < one["hole_rate"] < 0.6
    assert one["impressions"] >= one["effective_impressions"] > 0
    assert ("never shown" in one["inconclusive"]) == (one["hole_rate"] > 0.25)


def test_what_is_not_retrieved_has_no_place(plan):
    table, _ = read_table(plan)
    test = table.filter([role == "test" for role in table["role"].to_pylist()])
    ranks = np.where(np.arange(test.num_rows) % 12 == 3, 0, test["engine_rank"].to_numpy())
    test = test.set_column(test.column_names.index("engine_rank"), "engine_rank", [ranks])
    codes = query_codes(test)
    searches = np.ones(codes[-1] + 1)
    labels = plan.open_lake().read("judgments", plan.judgments_version, [plan.partition])
    alone = np.where(ranks == 0, 99.0, 0.0)  # the items that are not there would stand first
    found = estimates(plan, test, codes, searches, labels, {"m": alone})["m"]
    without = estimates(plan, test, codes, searches, labels, {"m": np.zeros(len(ranks))})["m"]

    assert found.direct == pytest.approx(without.direct)


def test_where_nothing_can_be_said_there_is_no_number():
    nan = np.array([np.nan])
    told = facts({"m": Expected(nan, nan, nan, np.nan, Support(np.nan, 0.0, 0.0))}, np.ones(1))["m"]

    assert told["doubly_robust"] is told["snips"] is told["hole_rate"] is None
    assert told["inconclusive"]


def test_a_pair_of_no_training_block_has_the_prior(tmp_path):
    """Its g is the training blocks' mean consumption when looked at: (6 + 2) / (30 + 10)."""
    plan = small_plan(tmp_path)
    labels = [
        judgment(plan.block("train")[0].name, "q0", "a", 6.0, 30.0),
        judgment(plan.block("train")[0].name, "q1", "a", 2.0, 10.0),
        judgment("test", "q0", "b", 1.0, 5.0),
    ]
    publish_run(plan, "judgments", labels)
    publish_run(plan, "query_groups", [query_group("test", "q0", 10)])
    curve = [
        {"theta_variant": "measured", "surface": "", "position": 1, "theta": 1.0, "pairs": 9, "method": "all_pairs"}
    ]
    publish_run(plan, "propensities", curve)
    rows = pa.table({"query_group": ["q0"], "item": ["b"], "engine_rank": [1]})
    judged = plan.open_lake().read("judgments", plan.judgments_version, [plan.partition])
    found = estimates(plan, rows, np.zeros(1, int), np.array([10.0]), judged, {"m": np.zeros(1)})["m"]

    assert found.direct == pytest.approx([0.2])


def test_a_rank_has_a_prior_of_its_own():
    """Three first items are worth 0.5, three tenth 0.02: an item never shown at rank 9 is like the tenth ones."""
    consumed, examined = np.array([500.0, 20, 0, 0]), np.array([1000.0, 1000, 0, 0])
    g = learned_worth(consumed, examined, np.array([1, 10, 9, 0]), 0.3, 2.0)

    assert g[2] == pytest.approx((20 + 20 * 0.3) / 1020)
    assert g[0] == pytest.approx((500 + 2 * (500 + 6) / 1020) / 1002)
    assert g[3] == pytest.approx(0.3)  # of ranks that nobody was shown, nothing is known
