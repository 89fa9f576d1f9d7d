"""LambdaMART: learns what is there, nothing where nothing is, and what is exported is what was trained."""

import lightgbm
import numpy as np
import pytest

from builders.small_service import FEATURES, NAMES, publish_learnable, small_plan
from reprise.errors import UsageError
from reprise.settings import Gate
from reprise.solr import score
from reprise.training.data import Rows, TrainingData, read_data
from reprise.training.labels import mixed
from reprise.training.lambdamart import LambdaMart, grade_gains
from reprise.training.tuning.objectives import Objectives

SETTINGS = {"lambdamart": {"trees": 60, "leaves": 7, "min_rows_per_leaf": 5, "early_stopping_rounds": 10}}


def learned(folder, **changes):
    plan = small_plan(folder, gate=SETTINGS)
    publish_learnable(plan, **changes)
    data = read_data(plan)
    return plan, data, LambdaMart().fit(data, plan.deployment.gate)


def test_it_finds_what_listeners_want(tmp_path):
    _, data, fitted = learned(tmp_path)
    rows = data.validation.only_judged()
    random = np.random.default_rng(0)

    best = rows.metric(score(fitted.model, rows.vectors, NAMES))
    chance = np.mean([rows.metric(random.random(len(rows.codes))) for _ in range(20)])

    assert best > 0.97 > 0.8 > chance
    assert {"plays", "title_terms"} == set(list(fitted.importances)[:2])


def test_shuffled_labels_teach_nothing(tmp_path):
    _, data, fitted = learned(tmp_path, shuffled=True)
    rows = data.validation.only_judged()
    random = np.random.default_rng(0)
    chances = [rows.metric(random.random(len(rows.codes))) for _ in range(50)]

    found = rows.metric(score(fitted.model, rows.vectors, NAMES))

    assert abs(found - np.mean(chances)) < 4 * np.std(chances)


def test_the_solr_model_scores_as_lightgbm_predicts(tmp_path):
    _, data, fitted = learned(tmp_path)
    booster = lightgbm.Booster(model_str=fitted.native[1].decode())

    expected = booster.predict(data.validation.vectors)
    actual = score(fitted.model, data.validation.vectors, NAMES)

    np.testing.assert_allclose(expected, actual, atol=1e-5)
    assert fitted.notes["misrouted_rows"] == 0


def test_the_kept_round_is_validations_best(tmp_path):
    _, _, fitted = learned(tmp_path)
    curve = fitted.curve["validation"]

    assert int(np.argmax(curve)) + 1 == fitted.params["best_round"]
    assert len(curve) == len(fitted.curve["train"])


def test_both_curves_are_the_metric_after_every_tree(tmp_path):
    """Of judged rows alone, though the training rows are measured aside."""
    plan = small_plan(tmp_path, gate={"lambdamart": {**SETTINGS["lambdamart"], "early_stopping_rounds": 100}})
    publish_learnable(plan)
    data = read_data(plan)
    fitted = LambdaMart().fit(data, plan.deployment.gate)
    whole = LambdaMart().grown(data, plan.deployment.gate, 1)
    kept = lightgbm.Booster(model_str=fitted.native[1].decode())

    assert len(fitted.curve["train"]) == len(fitted.curve["validation"]) == 60
    for role, rows in (("train", data.train.only_judged()), ("validation", data.validation.only_judged())):
        for tree in range(fitted.params["best_round"]):
            scores = kept.predict(rows.vectors, num_iteration=tree + 1)
            assert fitted.curve[role][tree] == pytest.approx(rows.metric(scores), abs=1e-9)
        assert fitted.curve[role][0] == pytest.approx(rows.metric(whole(rows)), abs=1e-9)


def test_the_same_data_give_the_same_bytes(tmp_path):
    _, _, first = learned(tmp_path / "a")
    _, _, second = learned(tmp_path / "b")

    assert first.native == second.native


def test_a_grade_is_worth_what_its_items_are_consumed():
    grade, g = np.array([0, 1, 1, 3, 3]), np.array([0.01, 0.1, 0.2, 0.4, np.nan])
    judged, ones = ~np.isnan(g), np.ones(5)
    rows = Rows(["x"], np.ones((5, 1), np.float32), np.zeros(5, np.int64), judged, g, grade, ones, ones)

    assert grade_gains(rows) == pytest.approx([0.0, 0.15, 0.15, 0.4, 0.4])


@pytest.mark.parametrize(("known", "sign"), [("rising", 1), ("falling", -1)])
def test_what_is_known_of_a_feature_holds_for_every_row(tmp_path, known, sign):
    """Also against what the labels say: plays make an item better here."""
    features = [{**one, "monotone": known} if one["name"] == "plays" else one for one in FEATURES]
    plan = small_plan(tmp_path, gate=SETTINGS, features=features)
    publish_learnable(plan)
    data = read_data(plan)
    fitted = LambdaMart().fit(data, plan.deployment.gate)
    column = NAMES.index("plays")
    steps = []
    for value in np.linspace(0, 1, 21, dtype=np.float32):
        moved = data.validation.vectors.copy()
        moved[:, column] = value
        steps.append(score(fitted.model, moved, NAMES))

    changes = sign * np.diff(steps, axis=0)

    assert changes.min() >= 0
    assert fitted.importances["plays"] > 0 or known == "falling"


AGED = [
    {"name": "popularity", "kind": "item", "meaning": "age", "field": "released_at", "age": True}
    if one["name"] == "popularity"
    else one
    for one in FEATURES
]


def test_newness_in_the_label_brings_new_releases_up_and_costs_consumption(tmp_path):
    plan = small_plan(tmp_path, features=AGED, gate={**SETTINGS, "tuning": {"new_days": 0.2}})
    publish_learnable(plan)
    data, gate = read_data(plan), plan.deployment.gate
    aims = Objectives(["consumption_ndcg", "new_release_exposure"], (1.0, 0.5), data.age, 0.2)
    found = []
    for share in (0.0, 0.1, 0.4):
        settings = gate.lambdamart.model_copy(update={"newness": share})
        fitted = LambdaMart().fit(data, gate.model_copy(update={"lambdamart": settings}))
        found.append(aims.values(fitted, data.validation))

    exposure = [one["new_release_exposure"] for one in found]
    assert exposure[0] < exposure[1] < exposure[2]
    assert found[0]["consumption_ndcg"] > found[2]["consumption_ndcg"]


def test_mixed_labels_by_hand():
    rows = Rows(
        ["x", "age"], np.array([[0, 10], [0, 40], [0, 5], [0, 90]], np.float32), np.zeros(4, np.int64),
        np.array([True, True, False, False]), np.array([0.6, 0.6, np.nan, np.nan]), np.array([4, 4, 0, 0]),
        np.ones(4), np.ones(4),
    )  # fmt: skip
    data = TrainingData(["x", "age"], rows, rows, [], age="age")

    found = mixed(data, Gate(), 0.2)

    assert found.g.tolist() == pytest.approx([0.48 + 0.2, 0.48, 0.2, 0.0])
    assert found.grade.tolist() == [4, 3, 2, 0]
    assert mixed(data, Gate(), 0.0) is rows
    with pytest.raises(UsageError, match=r"newness needs an item's age.* → add a feature of kind item"):
        mixed(TrainingData(["x", "age"], rows, rows, []), Gate(), 0.2)
