"""From training to the gate's answer: an honest model passes, one that must not win does not."""

from dataclasses import replace

import numpy as np
import pytest

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise.gate import decide
from reprise.training import evaluate, train
from reprise.training.dropped import NothingLearnedError


def judged(folder, change):
    """The gate's report on lambdamart where ``change`` (rows of the training set) was planted."""
    blocks = {"train_block_days": 2, "test_days": 2, "validation_days": 2, "min_history_days": 2}
    settings = {
        "lambdamart": {"trees": 30, "leaves": 7, "min_rows_per_leaf": 5},
        "policy": {"min_queries": 20, "max_hole_rate": 0.6},
    }
    plan = replace(small_plan(folder, gate={"blocks": blocks, **settings}), families=["lambdamart"])
    publish_learnable(plan, change=change)
    lake = plan.open_lake()
    lake.put_json(f"runs/{plan.run}/champion.json", {"release": {"number": 0}, "model": None, "features": []})
    train.run(plan, "lambdamart")
    evaluate.run(plan)
    return decide.examine(plan, lake)


def test_an_honest_model_wins(tmp_path):
    report = judged(tmp_path, lambda row: row)

    assert report.answer == "yes", report.reason


def test_a_model_of_constants_is_no_candidate(tmp_path):
    with pytest.raises(NothingLearnedError, match=r"no family of run r1 learned anything: lambdamart: .* alike"):
        judged(tmp_path, lambda row: row | dict.fromkeys(NAMES, 0.5))


def test_a_model_of_noise_never_wins(tmp_path):
    """Features that say nothing: whatever the trees make of them, they beat nobody."""
    random = np.random.default_rng(3)

    report = judged(tmp_path, lambda row: row | {name: float(random.random()) for name in NAMES})

    assert report.answer != "yes"
    assert "superior_to_champion" in {check.name for check in report.checks if check.outcome != "pass"}


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
