"""Nested cross-validation: every query is valued once, by a study that never saw it."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from builders.small_service import publish_learnable, small_plan
from reprise.cli import app
from reprise.errors import UsageError
from reprise.objects import ObjectStore
from reprise.training import train
from reprise.training.data import read_table, rows_of
from reprise.training.tuning.nested import run, where
from reprise.training.tuning.trials import Trials

FOLDS, TRIALS = 3, 4
GATE = {
    "lambdamart": {"trees": 1, "leaves": 2, "min_rows_per_leaf": 5},
    "tuning": {"trials": 20, "space": {"lambdamart": {"trees": [1, 20], "leaves": [2, 8]}}},
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    plan = small_plan(tmp_path_factory.mktemp("lake"), gate=GATE)
    publish_learnable(plan, queries=61, noise=0.02)
    plan.save()
    return plan


def base(plan):
    return f"{train.folder(plan, 'lambdamart')}/nested/{FOLDS}-{TRIALS}"


def test_every_query_is_valued_once_by_a_study_that_never_saw_it(plan):
    facts = run(plan, "lambdamart", FOLDS, TRIALS).facts
    store = ObjectStore(plan.lake)
    table, manifest = read_table(plan)
    everything = set(table["query_group"].to_pylist())
    names = list(manifest.facts["features"])
    roles = np.array(table["role"].to_pylist())
    groups = np.array(table["query_group"].to_pylist())
    total = {"tuned": 0.0, "default": 0.0}
    traffic, apart = 0.0, []
    for number, fold in enumerate(facts["folds"]):
        seen = pq.read_table(f"{plan.lake}/{base(plan)}/fold-{number}/rows.parquet")
        assert set(seen["role"].to_pylist()) == {"train", "validation"}
        mine = everything - set(seen["query_group"].to_pylist())
        apart.append(mine)
        held = rows_of(table.filter((roles == "validation") & np.isin(groups, list(mine))), names).only_judged()
        trials = Trials(store, f"{base(plan)}/fold-{number}")
        best = max(trials.read(), key=lambda trial: trial.values.get("consumption_ndcg", 0))
        assert fold["settings"] == best.params
        for name, trial in (("tuned", best.number), ("default", 0)):
            value = held.metric(trials.ranker(trial).scores(held))
            assert fold[name] == pytest.approx(value)
            total[name] += value * held.traffic_per_query.sum()
        traffic += held.traffic_per_query.sum()
        assert len(trials.read()) == fold["trials"] == TRIALS

    assert sorted(group for mine in apart for group in mine) == sorted(everything)
    assert facts["queries"] == len(everything)
    assert facts["tuned"] == pytest.approx(total["tuned"] / traffic)
    assert facts["gain"] == pytest.approx((total["tuned"] - total["default"]) / traffic)
    assert json.loads(store.get(f"{base(plan)}/report.json")) == facts
    assert facts["words"] in store.get(f"{base(plan)}/report.txt").decode()


def test_it_is_proven_only_beyond_twice_its_error(plan):
    verdict = run(plan, "lambdamart", FOLDS, TRIALS)

    assert (verdict.answer == "yes") == (verdict.facts["gain"] > 2 * verdict.facts["error"])
    assert verdict.answer == "yes", (
        verdict.reason
    )  # one stump cannot tell that plays count only where the title matches


def test_the_commands(plan):
    """The study alone is the one that `train` then takes its ranker from."""
    address = f"{plan.lake}/runs/{plan.run}/plan.json"
    said = CliRunner().invoke(app, ["tune", "--plan", address, "--family", "lambdamart"])
    assert (said.exit_code, said.output[:17]) == (0, "yes: best of 20 t")
    trials = Trials(ObjectStore(plan.lake), train.folder(plan, "lambdamart"))
    before = trials.read()

    assert train.run(plan, "lambdamart").facts["tuning"]["words"] == said.output[5:].strip()
    assert trials.read() == before
    nested = ["tune", "--plan", address, "--family", "lambdamart", "--nested", str(FOLDS), "--trials", str(TRIALS)]
    assert "tuned anew in each of 3 folds (12 trials)" in CliRunner().invoke(app, nested).output


def test_a_blend_is_nested_too(plan):
    """Its parts are tuned in each fold, and as it stands it is the blend of the parts as they stand."""
    blend = {"of": ["lambdamart", "xendcg"]}
    small = {"trees": 1, "leaves": 2, "min_rows_per_leaf": 5}
    space = {"trees": [1, 20], "leaves": [2, 8]}
    gate = {"tuning": {"trials": 2, "space": {"lambdamart": space, "xendcg": space}}, "blend": blend}
    mixed = small_plan(plan.lake, gate={"lambdamart": small, "xendcg": small, **gate})

    facts = run(mixed, "blend", 2).facts

    store, base = ObjectStore(plan.lake), where(mixed, "blend", 2)
    for number, fold in enumerate(facts["folds"]):
        parts = [Trials(store, f"{base}/fold-{number}/{part}") for part in blend["of"]]
        assert [len(part.read()) for part in parts] == [2, 2]
        assert fold["trials"] == 4
        assert set(fold["settings"]) == {"share", *(f"{part}.{name}" for part in blend["of"] for name in space)}
        assert 0.5 < fold["default"] <= fold["tuned"] + 0.2
    assert facts["words"].startswith("blend, tuned anew in each of 2 folds (8 trials)")


def test_what_cannot_be_nested_is_refused(plan, tmp_path):
    with pytest.raises(UsageError, match="lambdamart in 1 folds → ask for two folds or more"):
        run(plan, "lambdamart", 1)
    with pytest.raises(UsageError, match="61 validation queries are too few for 70 folds"):
        run(plan, "lambdamart", 70)
    untuned = small_plan(tmp_path)
    publish_learnable(untuned, queries=6)
    with pytest.raises(UsageError, match=r"tuning\.trials is 0 → set it in gate\.yaml, or give --trials"):
        run(untuned, "lambdamart", 3)
    with pytest.raises(UsageError, match=r"tuning\.trials is 0"):
        train.study(untuned, "lambdamart")
