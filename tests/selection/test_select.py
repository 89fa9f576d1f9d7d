"""`select` on a run's training set: what is left beside the run, and what trainings make of it."""

import pytest
from markupsafe import escape

from builders.small_service import FEATURES, NAMES, publish_learnable, small_plan
from builders.solr_core import client_of, fill
from reprise.errors import MissingDataError, UsageError
from reprise.lifecycle.planning import _with_features
from reprise.selection.select import SELECTED, run, selected
from reprise.training import train
from reprise.training.data import read_data

SETTINGS = {"lambdamart": {"trees": 40, "leaves": 7, "min_rows_per_leaf": 5}, "selection": {"halves": 10, "chosen": 3}}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    plan = small_plan(tmp_path_factory.mktemp("lake"), gate=SETTINGS)
    publish_learnable(plan)
    return plan


@pytest.fixture(scope="module")
def verdict(plan):
    return run(plan, adopt=True)


def test_what_listeners_want_is_kept(verdict):
    assert {"plays", "title_terms"} <= set(verdict.facts["selected"])
    assert len(verdict.facts["selected"]) < len(NAMES)
    assert sorted(verdict.facts["selected"] + verdict.facts["left_out"]) == sorted(NAMES)


def test_page_and_plots_lie_beside_the_run(plan, verdict):
    store, folder = plan.open_lake().store, f"runs/{plan.run}/selection"
    page = (store.get(f"{folder}/selection.html") or b"").decode()

    assert verdict.reason in page
    assert all(escape(feature["meaning"]) in page for feature in FEATURES)
    assert {f"{folder}/{name}" for name in ("metric_by_features.png", "permutation_importance.png")} <= set(
        store.list(folder)
    )
    found = plan.open_lake().get_json(f"{folder}/selection.json")
    assert [len(step["features"]) for step in found["path"]] == list(range(len(NAMES), 0, -1))
    assert found["added_ms"] == {}


def test_a_training_with_selected_features_serves_these_alone(plan, verdict):
    wanted = plan.deployment.model_copy(
        update={"gate": plan.deployment.gate.model_copy(update={"features": "selected"})}
    )
    deployment = _with_features(wanted, plan.lake)
    fewer = small_plan(plan.lake, gate={**SETTINGS, "features": deployment.gate.features})

    train.run(fewer, "lambdamart")

    key = f"{train.folder(fewer, 'lambdamart')}/candidate.json"
    candidate = fewer.open_lake().get_json(key)
    assert [entry["name"] for entry in candidate["features"]] == verdict.facts["selected"]
    assert all(field.split("_")[1] in verdict.facts["selected"] for field in candidate["behaviour_fields"])
    assert {entry["name"] for entry in candidate["model_json"]["features"]} <= set(verdict.facts["selected"])


def test_features_named_by_hand_are_checked(plan):
    assert read_data(small_plan(plan.lake, gate={**SETTINGS, "features": ["plays", "engine_score"]})).features == [
        "engine_score", "plays",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"would learn from tempo, which solr.yaml does not define → choose among"):
        read_data(small_plan(plan.lake, gate={**SETTINGS, "features": ["tempo"]}))


def test_selected_before_anything_was_says_what_to_run(tmp_path, caplog):
    plan = small_plan(tmp_path)
    with pytest.raises(MissingDataError, match=r"nothing was adopted .* → run `reprise select"):
        selected(plan.open_lake(), NAMES)
    plan.open_lake().put_json(SELECTED, {"features": ["gone", "plays"], "run": "r1"})
    assert selected(plan.open_lake(), NAMES) == ["plays"]
    assert "no longer defines gone, adopted by run r1" in caplog.text


@pytest.mark.solr
def test_solr_says_what_each_subset_costs_and_keeps_nothing(plan, module_core):
    with fill(client_of(module_core)) as client:
        asked = small_plan(plan.lake, core=client.core, urls=client.urls, gate=SETTINGS)
        publish_learnable(asked)

        run(asked, client)

        found = asked.open_lake().get_json(f"runs/{asked.run}/selection/selection.json")
        assert [int(n) for n in found["added_ms"]] == list(range(1, len(NAMES) + 1))
        assert client.models() == []
        assert [name for name in client.feature_stores() if name.startswith("reprise")] == []
