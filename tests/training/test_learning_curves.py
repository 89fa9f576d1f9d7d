"""Would more data help, or another size? Simulated sets whose answer is known, and points done by hand."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise.training.data import read_data
from reprise.training.diagnose import Curves, diagnose_curves
from reprise.training.draws import share
from reprise.training.family import find_family
from reprise.training.lambdamart import LambdaMart, parameters
from reprise.training.learning_curves import learn
from reprise.training.linear import LinearFamily

TREES = {"trees": 60, "leaves": 7, "min_rows_per_leaf": 5, "early_stopping_rounds": 60}
PLAYS, TITLE = NAMES.index("plays"), NAMES.index("title_terms")


def ready(folder, *, queries, diagnosis=None, trees=TREES, **changes):
    plan = small_plan(folder, gate={"lambdamart": trees, "diagnosis": diagnosis or {}})
    publish_learnable(plan, queries=queries, **changes)
    return plan, read_data(plan)


def looked_at(family, data, gate):
    rows = data.train.only_judged()
    fitted = family.fit(data, gate)
    return fitted, learn(family, data, gate, fitted, rows.metric(np.zeros(len(rows.codes))))


def test_few_queries_learned_by_heart_are_variance(tmp_path):
    """Labels as noisy as they are telling, thirty-odd queries, leaves of one row: more of them is what helps."""
    by_heart = {"trees": 100, "leaves": 31, "min_rows_per_leaf": 1, "early_stopping_rounds": 100}
    plan, data = ready(tmp_path, queries=300, noise=0.3, trees=by_heart, diagnosis={"folds": 0, "resamples": 4})

    few = data.drawn(share(0.1, seed=99))
    _, found = looked_at(LambdaMart(), few, plan.deployment.gate)
    _, of_all = looked_at(LambdaMart(), data, plan.deployment.gate)

    assert (found.verdict, found.words[:9]) == ("variance", "variance:")
    assert found.curves.train - found.curves.held_out > 0.1
    assert [point.queries for point in found.sizes] == sorted(point.queries for point in found.sizes)
    assert of_all.curves.train - of_all.curves.held_out < found.curves.train - found.curves.held_out
    assert of_all.curves.held_out > found.curves.held_out
    assert of_all.curves.spread < found.curves.spread


def test_enough_queries_for_what_there_is_are_balanced(tmp_path):
    plan, data = ready(tmp_path, queries=150)

    _, found = looked_at(LambdaMart(), data, plan.deployment.gate)

    assert found.verdict == "balanced"
    assert "more data would not show" in found.words
    assert len(found.resamples) == len(found.folds) == 2
    assert found.folds == pytest.approx([found.curves.held_out] * 2, abs=0.03)


def test_where_nothing_was_consumed_nothing_is_said(tmp_path):
    plan, data = ready(tmp_path, queries=30)
    nothing = replace(data, validation=replace(data.validation, g=data.validation.g * 0))

    fitted = LambdaMart().fit(data, plan.deployment.gate)

    assert learn(LambdaMart(), nothing, plan.deployment.gate, fitted, 0.5) is None


@pytest.mark.spark
def test_a_weighted_sum_of_what_is_none_is_bias(tmp_path, spark):
    """What is wanted lies in the middle of plays, where no weight points."""
    plan, data = ready(tmp_path, queries=80, truth=lambda values: 0.8 * (abs(values[PLAYS] - 0.5) < 0.2))

    _, found = looked_at(LinearFamily("linear"), data, plan.deployment.gate)
    _, trees = looked_at(LambdaMart(), data, plan.deployment.gate)

    assert found.verdict == "bias"
    assert "more flexibility learns it (trees: +" in found.words
    assert found.curves.flexible > 0.2
    assert [point.at for point in found.sizes] == [0.4, 1.0]  # brief, as Spark trains it
    assert trees.verdict == "balanced"


@pytest.mark.spark
def test_in_full_spark_learns_from_the_queries_drawn(tmp_path, spark):
    """A part of the queries, against the same family on a lake that holds no others."""
    asked = {"spark": "full", "sizes": [0.4], "complexity": [0.5], "resamples": 0, "folds": 0}
    plan, data = ready(tmp_path / "all", queries=40, diagnosis=asked)
    kept = set(data.drawn(share(0.4, seed=7)).queries)
    alone, part = ready(tmp_path / "some", queries=40, diagnosis=asked, taught=kept)
    family = find_family("linear")

    _, found = looked_at(family, data, plan.deployment.gate)

    fitted = family.fit(part, alone.deployment.gate)
    assert found.sizes[0].queries == len(kept) < 40
    assert found.sizes[0].train == pytest.approx(fitted.curve["train"][0], abs=1e-6)
    held_out = data.validation.only_judged()
    assert found.sizes[0].held_out == pytest.approx(held_out.metric(fitted.scores(held_out)), abs=1e-6)
    assert (found.setting, [point.at for point in found.complexity]) == ("ridge", [0.01, pytest.approx(0.1)])


def test_points_are_lightgbms_own(tmp_path):
    plan, data = ready(
        tmp_path, queries=60, diagnosis={"sizes": [0.5], "complexity": [2.0], "resamples": 0, "folds": 3}
    )
    chosen = plan.deployment.gate.lambdamart
    fitted, found = looked_at(LambdaMart(), data, plan.deployment.gate)
    held_out, trees = data.validation.only_judged(), fitted.params["best_round"]

    def by_hand(rows, **changes):
        params = parameters(chosen.model_copy(update=changes), replace(data, train=rows))
        set_ = lightgbm.Dataset(rows.vectors, rows.grade, weight=rows.weight, group=rows.group_sizes, params=params)
        return lightgbm.train(params, set_, trees)

    half = data.train.where(share(0.5, 7).times(data.queries)[data.train.codes] == 1)
    booster = by_hand(half)
    assert found.sizes[0].held_out == pytest.approx(held_out.metric(booster.predict(held_out.vectors)))
    judged = half.only_judged()
    assert found.sizes[0].train == pytest.approx(judged.metric(booster.predict(judged.vectors)))
    assert (found.sizes[1].train, found.sizes[1].held_out) == pytest.approx(
        (fitted.curve["train"][trees - 1], fitted.curve["validation"][trees - 1])
    )
    flexible = by_hand(data.train, leaves=14)
    assert [point.at for point in found.complexity] == [7, 14]
    assert found.complexity[1].held_out == pytest.approx(held_out.metric(flexible.predict(held_out.vectors)))
    assert len(found.folds) == 3


@pytest.mark.parametrize(
    ("train", "held_out", "rise", "flexible", "expected"),
    [
        (0.95, 0.80, 0.01, 0.0, "variance"),  # still rising
        (0.99, 0.80, 0.0, 0.0, "variance"),  # more than is allowed
        (0.98, 0.90, 0.0, 0.0, "variance"),  # allowed, but all that is missing
        (0.90, 0.86, 0.0, 0.0, "balanced"),  # apart, but allowed, and more data bring nothing
        (0.70, 0.69, 0.0, 0.02, "bias"),
        (0.70, 0.69, 0.0, np.nan, "bias"),
        (0.70, 0.69, 0.0, 0.0, "balanced"),  # as flexible as you like: the rest is noise
        (0.97, 0.97, np.nan, np.nan, "balanced"),
    ],
)
def test_planted_figures(train, held_out, rise, flexible, expected):
    found = Curves(train, held_out, 0.01, 0.4, rise, 0.002, flexible, 0.002, 0.003)

    verdict, words = diagnose_curves(found, "leaves", 0.15)

    assert verdict == expected
    assert words.startswith(f"{expected}: training {train:.3f}, held out {held_out:.3f}")
