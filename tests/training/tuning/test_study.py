"""A study is a function of its settings: interrupted anywhere it goes on as if it had not been."""

import itertools
import json
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from builders.small_service import publish_learnable, small_plan
from reprise.errors import MissingDataError, RepriseError
from reprise.objects import ObjectStore
from reprise.settings import Gate
from reprise.training import train
from reprise.training.data import read_data
from reprise.training.lambdamart import LambdaMart
from reprise.training.tuning.objectives import Objectives
from reprise.training.tuning.space import with_params
from reprise.training.tuning.trials import Trials
from reprise.training.tuning.tune import tune

TRIALS = 8  # the first four are drawn at random
SPACE = {
    "leaves": {"low": 2, "high": 31, "log": True},
    "learning_rate": {"low": 0.05, "high": 0.5, "log": True},
    "min_rows_per_leaf": [5, 20],
}


def gate(**tuning):
    settings = {"trees": 15, "leaves": 3, "early_stopping_rounds": 5, "min_rows_per_leaf": 5}
    return Gate.model_validate(
        {"lambdamart": settings, "tuning": {"trials": TRIALS, "space": {"lambdamart": SPACE}, **tuning}}
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    plan = small_plan(tmp_path_factory.mktemp("lake"))
    publish_learnable(plan, queries=30, noise=0.3)
    return read_data(plan)


def study(folder, data, chosen, trainer=None):
    """The outcome of a study, and the bytes of everything it left."""
    store = ObjectStore(str(folder))
    objectives = Objectives(chosen.tuning.objectives, (1.0, 0.5), age="popularity", new_days=0.2)
    tuned = tune(store, "here", trainer or LambdaMart(), data, chosen, objectives, clock=itertools.count().__next__)
    return tuned, {key: store.get(key) for key in store.list("here/")}


class Power(Exception):
    """It fails."""


class Failing(LambdaMart):
    """A trainer that ends in the middle of its fit number ``fits``."""

    def __init__(self, fits):
        super().__init__()
        self.left = fits

    def fit(self, data, settings, watch=None):
        self.left -= 1
        if self.left < 0:
            raise Power
        return super().fit(data, settings, watch)


SEVERAL = ["consumption_ndcg", "serving_cost", "new_release_exposure"]


@pytest.mark.parametrize(
    ("sampler", "objectives"), [("tpe", SEVERAL[:1]), ("grid", SEVERAL[:1]), ("tpe", SEVERAL), ("nsga2", SEVERAL)]
)
def test_interrupted_after_any_trial_it_leaves_the_same_bytes(tmp_path, data, sampler, objectives):
    """Ended after every single trial: what is there is always a beginning of the uninterrupted study."""
    chosen = gate(sampler=sampler, objectives=objectives)
    _, whole = study(tmp_path / "whole", data, chosen)
    store = ObjectStore(str(tmp_path / "often"))
    for number in range(TRIALS):
        with pytest.raises(Power) if number < TRIALS - 1 else nullcontext():
            study(tmp_path / "often", data, chosen, Failing(1))
        trials = [f"here/trials/{n:04d}.json" for n in range(TRIALS)]
        assert [store.get(key) for key in trials] == [whole[key] for key in trials[: number + 1]] + [None] * (
            TRIALS - 1 - number
        )

    assert study(tmp_path / "often", data, chosen, Failing(0))[1] == whole


def test_the_first_trial_is_the_settings_as_they_stand_and_the_best_is_never_worse(tmp_path, data):
    tuned, _ = study(tmp_path, data, gate())

    assert tuned.trials[0].params == {"leaves": 3, "learning_rate": 0.07, "min_rows_per_leaf": 5}
    assert tuned.facts["chosen_on"]["default"] == tuned.trials[0].values
    complete = [trial for trial in tuned.trials if trial.state == "complete"]
    best = max(trial.values["consumption_ndcg"] for trial in complete)
    assert tuned.facts["chosen_on"]["best"] == {"consumption_ndcg": best}
    assert len({json.dumps(trial.params) for trial in tuned.trials}) > TRIALS / 2


def test_no_point_is_tried_twice_while_there_are_others(tmp_path, data):
    space = {"leaves": {"low": 2, "high": 5}, "min_rows_per_leaf": [5, 20]}
    tuned, _ = study(tmp_path, data, gate(trials=7, space={"lambdamart": space}, pruning=False))

    assert len({json.dumps(trial.params) for trial in tuned.trials}) == 7


def test_what_is_kept_is_what_the_best_trial_learned(tmp_path, data):
    tuned, _ = study(tmp_path, data, gate())

    again = LambdaMart().fit(tuned.data, with_params(gate(), "lambdamart", tuned.facts["settings"]))

    assert again == tuned.fitted
    assert len(tuned.fitted.model["params"]["trees"]) == tuned.facts["trees"] == again.params["best_round"]


def test_only_the_first_and_the_best_ranker_stay_in_the_lake(tmp_path, data):
    tuned, files = study(tmp_path, data, gate())

    kept = {f"here/trials/{number:04d}.ranker.json" for number in (0, tuned.facts["best"])}
    assert {f"here/trials/{number:04d}.json" for number in range(TRIALS)} | kept == set(files)


def test_who_lags_behind_is_stopped_and_says_how_far_it_came(tmp_path, data):
    wild = {"learning_rate": [0.4], "min_rows_per_leaf": {"low": 5, "high": 200}}
    tuned, _ = study(tmp_path / "a", data, gate(trials=20, sampler="random", space={"lambdamart": wild}))
    unpruned, _ = study(
        tmp_path / "b", data, gate(trials=20, sampler="random", space={"lambdamart": wild}, pruning=False)
    )

    stopped = [trial for trial in tuned.trials if trial.state == "pruned"]
    assert len(stopped) == tuned.facts["pruned"] > 0
    assert unpruned.facts["pruned"] == 0
    for trial in stopped:
        twin = unpruned.trials[trial.number]
        assert trial.params == twin.params
        assert trial.steps.items() <= twin.steps.items()
        assert trial.values == {}
    assert any(len(trial.steps) < len(unpruned.trials[trial.number].steps) for trial in stopped)
    assert tuned.facts["best"] == unpruned.facts["best"]


def test_the_budget_counts_what_was_spent_before(tmp_path, data):
    """The clock ticks once at the beginning and once at the end of a trial: each takes a second."""
    chosen = gate(minutes=4.5 / 60)
    with pytest.raises(Power):
        study(tmp_path, data, chosen, Failing(3))

    tuned, _ = study(tmp_path, data, chosen)

    assert len(tuned.trials) == 5
    assert sum(trial.seconds for trial in tuned.trials) == 5


def test_a_grid_is_tried_whole_and_no_point_twice(tmp_path, data):
    space = {"leaves": {"low": 2, "high": 8, "log": True}, "learning_rate": [0.1, 0.3]}
    tuned, _ = study(tmp_path, data, gate(trials=50, sampler="grid", space={"lambdamart": space}, pruning=False))

    tried = [(trial.params["leaves"], trial.params["learning_rate"]) for trial in tuned.trials]
    assert tried[0] == (3, 0.07)
    assert sorted(tried[1:]) == [(n, rate) for n in (2, 4, 8) for rate in (0.1, 0.3)]


class Stubborn(LambdaMart):
    """No fit with so many leaves."""

    def fit(self, data, settings, watch=None):
        if settings.lambdamart.leaves > self.most:
            raise RepriseError("too many leaves")
        return super().fit(data, settings, watch)


def test_a_trial_that_fails_is_recorded_and_the_study_goes_on(tmp_path, data):
    trainer = Stubborn()
    trainer.most = 8
    tuned, _ = study(tmp_path / "a", data, gate(), trainer)
    failed = [trial for trial in tuned.trials if trial.state == "failed"]
    assert 0 < len(failed) == tuned.facts["failed"] < TRIALS
    assert {"too many leaves"} == {trial.reason for trial in failed}

    trainer.most = 1
    with pytest.raises(RepriseError, match=r"none of 8 trials of lambdamart came to an end: too many leaves → correct"):
        study(tmp_path / "b", data, gate(), trainer)


def test_of_several_objectives_the_front_is_left_to_read_and_one_of_it_is_taken(tmp_path, data):
    tuned, files = study(tmp_path, data, gate(trials=12, objectives=SEVERAL, allowed_loss=0.01))
    told = json.loads(tuned.reports["front.json"])
    values = {trial.number: trial.values for trial in tuned.trials}

    def beats(one, other):
        pairs = [
            (values[one][name] * sign, values[other][name] * sign)
            for name, sign in zip(SEVERAL, (1, -1, 1), strict=True)
        ]
        return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)

    assert [row["trial"] for row in told["front"]] == [n for n in values if not any(beats(m, n) for m in values)]
    assert told["chosen"]["trial"] == tuned.facts["best"] in [row["trial"] for row in told["front"]]
    lost = max(one["consumption_ndcg"] for one in values.values()) - values[tuned.facts["best"]]["consumption_ndcg"]
    assert 0 <= lost <= 0.01
    assert tuned.reports["front.png"].startswith(b"\x89PNG")
    kept = {f"here/trials/{number:04d}.ranker.json" for number in {0, tuned.facts["best"]}}
    assert kept == {key for key in files if key.endswith("ranker.json")}
    assert tuned.facts["pruned"] == 0


def test_settings_outside_of_the_space_are_still_tried_first(tmp_path, data):
    space = {"leaves": {"low": 4, "high": 31}}  # 3 is what stands
    tuned, _ = study(tmp_path, data, gate(space={"lambdamart": space}))

    assert [trial.params["leaves"] < 4 for trial in tuned.trials] == [True] + [False] * (TRIALS - 1)


def test_who_reports_had_no_part_in_choosing(tmp_path, data):
    """Other labels of the queries kept back change what is reported, and no trial."""
    tuned, files = study(tmp_path / "a", data, gate())
    kept = data.validation.where(~np.isin(data.validation.vectors[:, 0], tuned.data.validation.vectors[:, 0]))
    assert kept.queries == 10
    assert tuned.data.validation.queries == 20
    mine = np.isin(data.validation.vectors[:, 0], kept.vectors[:, 0])
    other = type(data)(**{**vars(data), "validation": _with_g(data.validation, mine)})

    again, same = study(tmp_path / "b", other, gate())

    assert files == same
    assert again.facts["chosen_on"] == tuned.facts["chosen_on"]
    assert again.facts["reported_on"]["best"] != tuned.facts["reported_on"]["best"]
    rows = kept.only_judged()
    expected = rows.metric(tuned.fitted.scores(rows)) - rows.metric(
        Trials(ObjectStore(str(tmp_path / "a")), "here").ranker(0).scores(rows)
    )
    assert tuned.facts["reported_on"]["gain"] == pytest.approx(expected)


@pytest.mark.parametrize("queries", [1, 2])
def test_with_one_or_two_validation_queries_nothing_or_little_is_reported(tmp_path, data, queries):
    few = replace(data, validation=data.validation.where(data.validation.codes < queries))

    tuned, _ = study(tmp_path, few, gate(trials=2))

    assert tuned.facts["chosen_on"]["queries"] + tuned.facts["reported_on"]["queries"] == queries
    assert tuned.facts["reported_on"].get("error") is None


def test_where_nothing_was_consumed_nothing_can_be_chosen(tmp_path, data):
    nothing = replace(data, validation=replace(data.validation, g=np.where(data.validation.judged, 0.0, np.nan)))

    with pytest.raises(MissingDataError, match=r"no trial can be valued: 20 validation queries .* → wait for"):
        study(tmp_path, nothing, gate())


def test_what_another_task_tried_meanwhile_is_not_tried_again(tmp_path, data):
    class Late(LambdaMart):
        """In the middle of its second fit somebody else does the whole study."""

        fits = 0

        def fit(self, rows, settings, watch=None):
            self.fits += 1
            if self.fits == 2:
                study(tmp_path / "a", data, gate())
            return super().fit(rows, settings, watch)

    late = Late()
    tuned, files = study(tmp_path / "a", data, gate(), late)

    assert late.fits == 2
    assert files == study(tmp_path / "b", data, gate())[1]
    assert len(tuned.trials) == TRIALS


def _with_g(rows, which):
    g = np.where(which & rows.judged, np.random.default_rng(0).random(len(rows.g)), rows.g)
    return type(rows)(**{**vars(rows), "g": g})


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"lambdamart": {"leafs": [3]}}, r"leafs is no setting; choose among trees, leaves"),
        ({"lambdamart": {"leaves": {"low": 1, "high": 9}}}, r"tuning\.space\.lambdamart\.leaves: 1: .*greater than"),
        ({"lambdamart": {"leaves": {"low": 2, "high": 9.5}}}, r"leaves: 9\.5: .*integer"),
        (
            {"linear": {"ridge": {"low": 0, "high": 1, "log": True}}},
            r"low 0 must lie below high 1, and above 0 with log",
        ),
    ],
)
def test_a_space_that_the_settings_cannot_take_is_refused(space, said):
    with pytest.raises(ValueError, match=said):
        Gate.model_validate({"tuning": {"space": space}})


# --- through `train` ---------------------------------------------------------------------------------------------


@pytest.mark.spark
def test_the_candidate_is_the_best_trials_ranker(tmp_path, spark):
    space = {"linear": {"ridge": {"low": 0.001, "high": 100, "log": True}}}
    plan = small_plan(tmp_path, gate={"tuning": {"trials": 3, "space": space}, "lambdamart": {"trees": 20}})
    publish_learnable(plan)
    store = plan.open_lake().store
    for family in plan.families:
        train.run(plan, family)
        folder = train.folder(plan, family)
        summary = json.loads(store.get(f"{folder}/summary.json"))
        best = Trials(store, folder).ranker(summary["tuning"]["best"])
        model = json.loads(store.get(f"{folder}/model.json"))

        assert {"class": model["class"], "params": model["params"]} == {k: best.model[k] for k in ("class", "params")}
        assert len(model["params"].get("trees", [])) == summary["tuning"]["trees"]
        assert store.get(f"{folder}/{best.native[0]}") == best.native[1]
        assert summary["params"].items() >= summary["tuning"]["settings"].items()
        assert train.run(plan, family).facts["tuning"] == summary["tuning"]
    trials = Trials(store, train.folder(plan, "linear")).read()
    assert trials[0].params["ridge"] == 0.01
    assert len({trial.values["consumption_ndcg"] for trial in trials}) > 1
