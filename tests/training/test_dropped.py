"""A family that learns nothing drops out of its run, and stops no other; where all do, the run fails."""

from dataclasses import replace

import pytest

from builders.small_service import publish_learnable, small_plan
from reprise.gate import choice, decide
from reprise.gate.page import to_html
from reprise.gate.report import load_report
from reprise.training import evaluate, train
from reprise.training.dropped import NothingLearnedError, dropped, learned

pytestmark = pytest.mark.spark

GATE = {
    "lambdamart": {"trees": 20, "leaves": 7, "min_rows_per_leaf": 5},
    "pairwise": {"lasso": 1000.0},
    "linear": {"lasso": 1000.0},
    "diagnosis": {"folds": 0, "resamples": 0},
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory, spark):
    """A run in which the penalties leave nothing of two families of three."""
    lake = tmp_path_factory.mktemp("lake")
    plan = replace(small_plan(lake, gate=GATE), families=["pairwise", "linear", "lambdamart"])
    publish_learnable(plan)
    release = {"release": {"number": 0}, "model": None, "features": []}
    plan.open_lake().put_json(f"runs/{plan.run}/champion.json", release)
    for family in plan.families:
        train.run(plan, family)
    return plan


def test_who_learns_nothing_says_so_and_leaves_no_candidate(plan):
    assert list(dropped(plan)) == ["pairwise", "linear"]
    assert "keeps no feature → lower its penalties" in dropped(plan)["pairwise"]
    assert "scores all training rows alike" in dropped(plan)["linear"]
    assert train.run(plan, "linear").facts == {"dropped": dropped(plan)["linear"]}  # not trained again
    assert plan.open_lake().get_json(f"{train.folder(plan, 'linear')}/candidate.json") is None


def test_the_others_are_evaluated_and_the_report_says_who_is_not_there(plan):
    models = evaluate.run(plan).facts["models"]

    verdict = decide.run(plan)

    assert "lambdamart" in models
    assert not {"pairwise", "linear"} & set(models)
    assert verdict.facts["family"] == "lambdamart"
    report = load_report(plan.open_lake(), plan.run)
    assert report.dropped == dropped(plan)
    assert "<strong>linear</strong> learned nothing and dropped out" in to_html(report)
    assert [one.name for one in choice.choice(plan, "lambdamart").models if one.candidate] == ["lambdamart"]


def test_a_run_without_any_family_left_is_an_error(plan):
    bare = replace(plan, families=["pairwise", "linear"])

    with pytest.raises(NothingLearnedError, match=r"no family of run r1 learned anything: pairwise: .*linear: "):
        learned(bare)
