"""What settings mattered: found where it was planted, and not claimed of noise."""

import numpy as np
import pytest

from reprise.training.tuning.rules import rules_of
from reprise.training.tuning.trials import Trial


def table(count, value, seed=0, **more):
    random = np.random.default_rng(seed)
    found = []
    for number in range(count):
        params = {
            "leaves": int(random.integers(4, 63)),
            "rate": float(random.random()),
            "kind": ["a", None][number % 2],
        }
        found.append(Trial(number, "complete", params, {"ndcg": value(params, random)}, **more))
    return found


def planted(params, random):
    return 0.9 * (params["leaves"] > 30) + 0.3 * (params["kind"] == "a") + 0.02 * random.standard_normal()


def test_what_was_planted_is_found_in_order():
    found = rules_of(table(60, planted), "ndcg", 1)

    assert list(found.settings) == ["leaves", "kind=a"]
    assert found.explained > 0.9
    assert found.words == f"leaves, kind=a explain {found.explained:.0%} of the spread of ndcg over 60 trials"
    assert "leaves <= 3" in found.text  # the cut between 30 and 31, or where trials near it were


@pytest.mark.parametrize("seed", range(10))
def test_noise_explains_nothing(seed):
    found = rules_of(table(60, lambda params, random: random.standard_normal(), seed), "ndcg", seed)

    assert found.explained is None or found.explained < 0.1
    assert found.settings == {} or found.explained is not None


def test_few_trials_and_equal_ones_say_so():
    assert rules_of(table(19, planted), "ndcg", 1).words == (
        "cannot tell which settings matter: 19 trials, 20 are needed"
    )
    assert "the same ndcg" in rules_of(table(30, lambda *_: 0.5), "ndcg", 1).words


def test_a_trial_that_was_stopped_counts_with_its_best_value_and_a_failed_one_does_not():
    whole = table(60, planted)
    stopped = [
        Trial(one.number, "pruned", one.params, {}, {1: one.values["ndcg"] - 1, 2: one.values["ndcg"]})
        if one.number % 3 == 0
        else one
        for one in whole
    ]
    failed = [Trial(60, "failed", whole[0].params)]

    assert rules_of(stopped + failed, "ndcg", 1) == rules_of(whole, "ndcg", 1)
