"""Baselines: the best single feature is chosen on training rows alone, and the champion is trained anew as it was."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise.metrics import consumption_ndcg
from reprise.release import Candidate
from reprise.training import evaluate, train
from reprise.training.baselines import RETRAINED, best_feature, champions
from reprise.training.data import read_data, read_table
from reprise.training.family import find_family

GATE = {"lambdamart": {"trees": 30, "leaves": 5, "min_rows_per_leaf": 5}}


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A run whose lambdamart has become the champion."""
    plan = replace(small_plan(tmp_path_factory.mktemp("lake"), gate=GATE), families=["lambdamart"])
    publish_learnable(plan)
    train.run(plan, "lambdamart")
    return plan


def later(before, run, gate=GATE, seed=6):
    """A later run on other rows in the same lake, with that champion."""
    plan = replace(small_plan(before.lake, gate=gate), run=run, families=["lambdamart"])
    publish_learnable(plan, seed=seed)
    lake = plan.open_lake()
    made = Candidate.from_dict(lake.get_json(f"{train.folder(before, 'lambdamart')}/candidate.json"))
    release = {"number": 1, "family": "lambdamart", "sha": made.sha}
    champion = {"release": release, "model": made.solr_model(), "features": made.features}
    lake.put_json(f"runs/{run}/champion.json", champion)
    train.run(plan, "lambdamart")
    return plan


def means(table, name, sign):
    """The deciding metric of one feature, query by query, weighted by traffic, from the definition."""
    judged = table.filter(pc.and_(pc.equal(table["role"], "train"), table["judged"]))
    groups = {}
    for row in judged.to_pylist():
        groups.setdefault((row["block"], row["query_group"]), []).append(row)
    values, traffic = [], []
    for rows in groups.values():
        scores, g = (np.array([row[column] for row in rows], float) for column in (name, "g"))
        values.append(consumption_ndcg().per_query(np.zeros(len(rows), int), sign * scores, g, 1)[0])
        traffic.append(rows[0]["traffic"])
    counts = ~np.isnan(values)
    return np.average(np.array(values)[counts], weights=np.array(traffic)[counts])


def test_the_best_feature_is_the_best_of_all_by_the_deciding_metric(before):
    table, _ = read_table(before)
    tried = {(name, sign): means(table, name, sign) for name in NAMES for sign in (1, -1)}

    found = best_feature(table, NAMES)

    assert (found.name, found.sign) == max(tried, key=tried.get) == ("title_terms", 1)
    assert found.train == pytest.approx(tried[found.name, found.sign])


def test_less_of_a_feature_may_be_better_and_the_test_block_has_no_say(before):
    table, _ = read_table(before)
    place = table.column_names.index("title_terms")
    turned = pa.array(np.where(table["role"].to_pylist() != np.array("test"), -1, 1) * table["title_terms"].to_numpy())
    table = table.set_column(place, "title_terms", turned.cast(pa.float32()))

    found = best_feature(table, NAMES)

    assert (found.name, found.sign) == ("title_terms", -1)


def test_the_champions_recipe_is_a_familys_own_where_they_are_the_same(before):
    plan = later(before, "same")
    own = Candidate.from_dict(plan.open_lake().get_json(f"{train.folder(plan, 'lambdamart')}/candidate.json"))

    found = champions(plan)

    assert found[RETRAINED].model == own.model_json
    assert found["champion"].model != own.model_json


def test_another_recipe_is_trained_with_the_champions_settings(before):
    plan = later(before, "other", gate={"lambdamart": {"trees": 8, "leaves": 3, "min_rows_per_leaf": 5}})
    settings = plan.deployment.gate.model_copy(update={"lambdamart": before.deployment.gate.lambdamart})
    own = find_family("lambdamart").fit(read_data(plan), settings)

    found = champions(plan)

    assert found[RETRAINED].model == own.model
    assert len(own.model["params"]["trees"]) > 8
    evaluate.run(plan)
    facts = plan.open_lake().published("scores", plan.models_version, plan.partition).facts
    assert {"engine_order", "popularity", "best_feature", "champion", RETRAINED, "lambdamart"} == set(facts["models"])
    assert facts["best_feature"]["name"] == "title_terms"


def test_of_features_that_are_gone_nothing_is_trained(before):
    plan = later(before, "gone")
    lake = plan.open_lake()
    key = f"{train.folder(before, 'lambdamart')}/summary.json"
    summary = lake.get_json(key)
    lake.store.put(key, json.dumps({**summary, "features": [*summary["features"], "gone"]}).encode())
    try:
        assert set(champions(plan)) == {"champion"}
    finally:
        lake.store.put(key, json.dumps(summary).encode())


def test_a_champion_from_elsewhere_has_no_recipe(before):
    plan = later(before, "elsewhere")
    lake = plan.open_lake()
    champion = lake.get_json(f"runs/{plan.run}/champion.json")
    lake.put_json(f"runs/{plan.run}/champion.json", {**champion, "release": {"number": 1, "sha": "unknown"}})

    assert set(champions(plan)) == {"champion"}
