"""What tuning is worth to listeners: by the simulator's truth, which neither trials nor choice can see."""

from dataclasses import replace

import numpy as np
import pytest

from builders.simulated_learning import BLOCKS, FEATURES, Learning, sampled, truly
from reprise.objects import ObjectStore
from reprise.settings import Gate
from reprise.training.data import TrainingData
from reprise.training.lambdamart import LambdaMart
from reprise.training.tuning.objectives import Objectives
from reprise.training.tuning.tune import tune

SEEDS = range(7, 11)
GATE = Gate.model_validate({"tuning": {"trials": 16}})


def true_labels(block):
    """The block's rows with what every item is truly worth in place of its judgment."""
    grade = np.searchsorted(GATE.judging.grade_cuts, block.worth, side="right")
    ones = np.ones(len(grade))
    return replace(block.rows, g=block.worth, judged=ones.astype(bool), grade=grade, weight=ones)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """For each seed: true consumption per search in the test block, by how the ranker was taught."""
    found = []
    for seed in SEEDS:
        service = Learning(seed)
        train, validation, test = (
            service.block(role, range(max(0, days.start - 8), days.start - 1)) for role, days in BLOCKS.items()
        )
        data = TrainingData(list(FEATURES), sampled(train.rows, 10, 3), validation.rows, [])
        store = ObjectStore(str(tmp_path_factory.mktemp("lake")))
        told = TrainingData(list(FEATURES), true_labels(train), true_labels(validation), [])
        ways = {
            "untuned": LambdaMart().fit(data, GATE),
            "tuned": tune(store, "here", LambdaMart(), data, GATE, Objectives(GATE.tuning.objectives)).fitted,
            "told the truth": LambdaMart().fit(told, GATE),
        }
        found.append({name: truly(test, fitted.scores(test.rows)) for name, fitted in ways.items()})
    return {name: np.array([one[name] for one in found]) for name in found[0]}


def test_listeners_consume_more_of_a_tuned_order(outcomes):
    """On average over services, by more than its standard error."""
    gained = outcomes["tuned"] - outcomes["untuned"]

    assert gained.mean() > gained.std(ddof=1) / np.sqrt(len(gained)) > 0


def test_it_is_near_what_the_learner_reaches_when_told_the_truth(outcomes):
    assert np.mean(outcomes["tuned"] / outcomes["told the truth"]) >= 0.95
