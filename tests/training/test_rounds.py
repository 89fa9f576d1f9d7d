"""Trees measured aside are those that LightGBM's own loop would measure in turn, and growth ends at the same round."""

import threading

import lightgbm
import pytest

from builders.small_service import publish_learnable, small_plan
from reprise.training.data import read_data
from reprise.training.lambdamart import LambdaMart

TREES = {"trees": 80, "leaves": 7, "min_rows_per_leaf": 5, "learning_rate": 0.3}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    plan = small_plan(tmp_path_factory.mktemp("rounds"))
    publish_learnable(plan)
    return read_data(plan), plan.deployment.gate


def gate_with(gate, patience, **changes):
    chosen = gate.lambdamart.model_copy(update={**TREES, "early_stopping_rounds": patience, **changes})
    return gate.model_copy(update={"lambdamart": chosen})


def in_turn(data, gate):
    """Return validation's curve and its best round as LightGBM's loop and early stopping find them."""
    params, train = LambdaMart()._ready(data, gate)
    rows = data.validation.only_judged()
    kept = lightgbm.Dataset(rows.vectors, rows.grade, group=rows.group_sizes, reference=train)
    curve = {}
    callbacks = [lightgbm.record_evaluation(curve)]
    callbacks.append(lightgbm.early_stopping(gate.lambdamart.early_stopping_rounds, verbose=False))
    booster = lightgbm.train(
        params, train, gate.lambdamart.trees, valid_sets=[kept], valid_names=["validation"],
        feval=lambda scores, _: ("ndcg", rows.metric(scores), True), callbacks=callbacks,
    )  # fmt: skip
    return curve["validation"]["ndcg"], booster.best_iteration


@pytest.mark.parametrize("patience", [1, 2, 7, 80])
@pytest.mark.parametrize("trees", [1, 4, 5, 23, 80])
def test_the_curve_and_its_best_round_are_those_of_lightgbms_own_loop(data, patience, trees):
    rows, gate = data
    gate = gate_with(gate, patience, trees=trees)
    expected, best = in_turn(rows, gate)

    fitted = LambdaMart().fit(rows, gate)

    assert fitted.curve["validation"] == pytest.approx(expected, abs=1e-12)
    assert fitted.params["best_round"] == best
    assert len(fitted.model["params"]["trees"]) == best


def test_a_watcher_is_told_every_round_in_order_and_may_end_the_fit(data):
    rows, gate = data
    told = []

    def watch(number, value):
        told.append((number, value))
        if number == 12:
            raise KeyError("enough")

    before = threading.active_count()
    with pytest.raises(KeyError, match="enough"):
        LambdaMart().fit(rows, gate_with(gate, 80), watch)

    assert [number for number, _ in told] == list(range(1, 13))
    assert [value for _, value in told] == LambdaMart().fit(rows, gate_with(gate, 80)).curve["validation"][:12]
    assert threading.active_count() == before


def test_where_nothing_can_be_split_there_is_one_round(data):
    rows, gate = data
    fitted = LambdaMart().fit(rows, gate_with(gate, 80, min_rows_per_leaf=100_000))

    assert fitted.params["best_round"] == 1
    assert [len(values) for values in fitted.curve.values()] == [1, 1]
