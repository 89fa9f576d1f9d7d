"""From training to the gate's answer: an honest model passes, one that must not win does not."""

from dataclasses import replace

import numpy as np
import pytest

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise.gate import decide
from reprise.training import evaluate, train
from reprise.training.dropped import NothingLearnedError


def judged(folder, change=None, gate=None, **how):
    """The gate's report on lambdamart where ``change`` (rows of the training set) or other labels were planted."""
    blocks = {"train_block_days": 2, "test_days": 2, "validation_days": 2, "min_history_days": 2}
    settings = {
        "lambdamart": {"trees": 30, "leaves": 7, "min_rows_per_leaf": 5},
        "policy": {"min_queries": 20, "max_hole_rate": 0.6},
        "diagnosis": {"folds": 0, "resamples": 0},
        **(gate or {}),
    }
    plan = replace(small_plan(folder, gate={"blocks": blocks, **settings}), families=["lambdamart"])
    publish_learnable(plan, change=change, **how)
    lake = plan.open_lake()
    lake.put_json(f"runs/{plan.run}/champion.json", {"release": {"number": 0}, "model": None, "features": []})
    train.run(plan, "lambdamart")
    evaluate.run(plan)
    return decide.examine(plan, lake)


def test_an_honest_model_wins(tmp_path):
    report = judged(tmp_path)

    assert report.answer == "yes", report.reason


def test_a_model_of_constants_is_no_candidate(tmp_path):
    with pytest.raises(NothingLearnedError, match=r"no family of run r1 learned anything: lambdamart: .* alike"):
        judged(tmp_path, lambda row: row | dict.fromkeys(NAMES, 0.5))


def test_a_model_of_noise_never_wins(tmp_path):
    """Features that say nothing: whatever a few small trees make of them, is chance and not proven."""
    random, few = np.random.default_rng(3), {"lambdamart": {"trees": 5, "leaves": 3, "min_rows_per_leaf": 20}}

    report = judged(tmp_path, lambda row: row | {name: float(random.random()) for name in NAMES}, few)

    assert report.answer == "cannot tell", report.reason
    assert {check.name: check.outcome for check in report.checks}["superior_to_champion"] == "inconclusive"


def test_a_model_whose_features_went_stale_never_wins(tmp_path):
    """It learned from true ones; in the test days they are other items'."""
    random = np.random.default_rng(2)

    def stale(row):
        return row if row["role"] != "test" else row | {name: float(random.random()) for name in NAMES}

    report = judged(tmp_path, stale)

    assert report.answer != "yes"
    assert "superior_to_champion" in {check.name for check in report.checks if check.outcome != "pass"}


def test_a_model_of_popularity_alone_is_no_better_than_popularity(tmp_path):
    report = judged(tmp_path, gate={"features": ["plays"]})
    outcomes = {check.name: check.outcome for check in report.checks}

    assert outcomes["superior_to_champion"] == "pass"
    assert report.answer != "yes"
    assert outcomes["beats_popularity"] != "pass"


def test_a_model_that_learned_its_days_by_heart_is_refused(tmp_path):
    """Features that say nothing, and trees that may have a leaf for each row."""
    random, many = np.random.default_rng(3), {"lambdamart": {"trees": 60, "leaves": 63, "min_rows_per_leaf": 1}}

    report = judged(tmp_path, lambda row: row | {name: float(random.random()) for name in NAMES}, many)

    assert report.answer == "no"
    assert {check.name: check.outcome for check in report.checks}["not_overfitted"] == "fail"


def test_a_feature_that_has_seen_the_label_never_wins(tmp_path):
    """However well it does on the test block."""
    random = np.random.default_rng(1)

    def leak(row):
        seen = row["g"] if row["judged"] else 0.0
        return row | {"completion": float(seen + 0.001 * random.standard_normal())}

    report = judged(tmp_path, leak)

    assert report.answer != "yes"
    assert "no_leaking_feature" in {check.name for check in report.checks if check.outcome != "pass"}
    assert report.candidate_mean > 0.99
