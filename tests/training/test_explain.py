"""Why one item stands above another: differences that add up, in words, by the command, and what features bring."""

from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise.cli import exit_code
from reprise.errors import UsageError
from reprise.solr import score
from reprise.training import train
from reprise.training.baselines import Served
from reprise.training.data import read_data, read_table
from reprise.training.effects import effects
from reprise.training.explain import explain, in_words, served
from reprise.training.lambdamart import LambdaMart

GATE = {"lambdamart": {"trees": 40, "leaves": 7, "min_rows_per_leaf": 5}}
PLAYS = {
    "class": "org.apache.solr.ltr.model.LinearModel",
    "features": [{"name": "plays"}, {"name": "title_terms"}],
    "params": {"weights": {"plays": 2.0, "title_terms": -1.0}},
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A run with a trained LambdaMART, its plan written."""
    plan = replace(small_plan(tmp_path_factory.mktemp("lake"), gate=GATE), families=["lambdamart"])
    publish_learnable(plan)
    train.run(plan, "lambdamart")
    plan.save()
    return plan


def of_query(plan, query):
    table, manifest = read_table(plan)
    return table.filter(pc.and_(pc.equal(table["role"], "test"), pc.equal(table["query_group"], query))), manifest


def test_what_features_bring_is_the_difference_of_the_scores(plan):
    rows, manifest = of_query(plan, "q3")
    model = served(plan, "lambdamart")
    ids = rows["item"].to_pylist()

    found = explain(model, rows, manifest.facts["columns"], [ids[0], ids[5]])

    vectors = np.column_stack([rows[name].to_numpy() for name in NAMES]).astype(np.float32)
    scores = dict(zip(ids, score(model.model, vectors, NAMES).astype(float).tolist(), strict=True))
    assert {found.above.id, found.below.id} == {ids[0], ids[5]}
    assert found.above.score == scores[found.above.id] >= found.below.score == scores[found.below.id]
    assert sum(part.brings for part in found.parts) == pytest.approx(found.above.score - found.below.score, abs=1e-5)
    assert sorted(scores, key=lambda item: -scores[item])[found.above.place - 1] == found.above.id


def test_a_weighted_sum_is_explained_by_hand(plan):
    rows, manifest = of_query(plan, "q0")
    entries = [entry for entry in served(plan, "lambdamart").features if entry["name"] in ("plays", "title_terms")]

    found = explain(Served(PLAYS, entries), rows, manifest.facts["columns"])

    by_id = {row["item"]: row for row in rows.to_pylist()}
    above, below = by_id[found.above.id], by_id[found.below.id]
    expected = {name: w * (above[name] - below[name]) for name, w in PLAYS["params"]["weights"].items()}
    assert {part.feature: pytest.approx(part.brings, abs=1e-6) for part in found.parts} == expected
    assert found.above.place == 1
    worse = [row for row in by_id.values() if row["g"] is not None and row["g"] < below["g"]]
    assert worse  # it stands below what is worth less
    assert in_words(found).startswith(f"{found.above.id} (place 1, ")
    assert f"worth {below['g']:.2f}" in in_words(found)


def test_the_command_tells_it(plan, capsys):
    uri = f"{plan.lake}/runs/{plan.run}/plan.json"

    assert exit_code(["explain", "--plan", uri, "--query", "q1"]) == 0
    told = capsys.readouterr().out
    assert "q1: song:1-" in told
    assert "the difference of the scores" in told
    assert exit_code(["explain", "--plan", uri, "--query", "never asked"]) == 64
    assert "'never asked' is not among the queries of the test block → try: q0, q1" in capsys.readouterr().err
    assert exit_code(["explain", "--plan", uri, "--query", "q1", "--items", "song:1-1", "song:2-2"]) == 64
    assert "'song:2-2' is not among the items" in capsys.readouterr().err
    assert exit_code(["explain", "--plan", uri, "--query", "q1", "--family", "champion"]) == 64
    assert "run r1 has no champion → choose one of: lambdamart, champion" in capsys.readouterr().err


def test_one_item_cannot_be_beside_another(plan):
    rows, manifest = of_query(plan, "q1")

    with pytest.raises(UsageError, match="has one item in the training set"):
        explain(served(plan, "lambdamart"), rows.slice(0, 1), manifest.facts["columns"])


def test_effects_are_of_what_is_wanted(plan):
    data = read_data(plan)
    fitted = LambdaMart().fit(data, plan.deployment.gate)

    found = effects(fitted, data.validation.only_judged())

    assert set(list(found)[:2]) == {"plays", "title_terms"}
    assert found["plays"]["direction"] > 0.5
    assert found["plays"]["effect"] > 5 * found["is_song"]["effect"]


def test_what_is_the_same_for_a_whole_query_moves_nothing(plan):
    data = read_data(plan)
    vectors = data.train.vectors.copy()
    vectors[:, NAMES.index("plays")] = data.train.codes % 7
    rows = replace(data.train, vectors=vectors).only_judged()
    fitted = LambdaMart().fit(data, plan.deployment.gate)
    linear = replace(fitted, model=PLAYS, extra_features=[])

    assert effects(linear, rows)["plays"]["effect"] == pytest.approx(0, abs=1e-9)
    assert effects(linear, rows)["title_terms"]["effect"] > 0.1
