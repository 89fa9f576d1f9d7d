"""What may not get worse while the deciding metric gets better, and who may pass by being no worse."""

import json
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from builders.small_service import publish_learnable, small_plan
from reprise.gate import decide
from reprise.gate.checks import (
    fits_solr,
    keeps_consumption,
    keeps_new_releases,
    logs_are_sound,
    no_segment_loses,
    no_worse,
)
from reprise.gate.refresh import refreshes
from reprise.gate.slices import Slice
from reprise.metrics import compare, compare_all
from reprise.settings.gate import Policy
from reprise.training import evaluate, train

POLICY = Policy()


def beside(gain, noise=0.05, queries=400, seed=1):
    random = np.random.default_rng(seed)
    before = random.random(queries)
    return compare(before + gain + noise * random.standard_normal(queries), before, np.ones(queries))


def segment(name, gain, share=0.2, **how):
    return Slice("language", name, share, 0.5 + gain, 0.5, beside(gain, **how))


@pytest.mark.parametrize(
    ("slices", "outcome", "losing", "below"),
    [
        ([segment("hi", 0.05), segment("en", 0.01)], "pass", [], []),
        ([segment("hi", 0.05), segment("en", -0.05)], "fail", ["language: en"], []),
        ([segment("hi", 0.05), segment("en", -0.05, share=0.01)], "pass", [], ["language: en"]),
        ([segment("hi", 0.05), segment("en", -0.005)], "pass", [], []),  # within the margin
        ([segment("hi", 0.05), segment("en", -0.05, queries=6, noise=0.4)], "pass", [], []),  # may be chance
        ([segment("en", -0.05, queries=1)], "inconclusive", [], []),
    ],
)
def test_a_segment_shown_to_lose_stops_a_candidate(slices, outcome, losing, below):
    found = no_segment_loses(slices, POLICY)

    assert (found.outcome, found.numbers["losing"], found.numbers["losing_below_floor"]) == (outcome, losing, below)
    assert all(one.split(": ")[1] in found.reason for one in losing + below)


def test_where_nothing_changes_segments_stop_few():
    """Of candidates without a difference at most as many as the confidence allows, all segments together."""
    policy, random, stopped = Policy(segment_margin=0.0), np.random.default_rng(1), 0
    for _ in range(200):
        changes = 0.05 * random.standard_normal((12, 200))
        with threadpool_limits(1):
            found = compare_all(list(changes), np.ones(200), resamples=400)
        slices = [Slice("language", str(n), 0.2, 0.5, 0.5, one) for n, one in enumerate(found)]
        stopped += no_segment_loses(slices, policy).outcome == "fail"

    assert stopped <= 12  # 2.5 % of 200 are 5; with chance 12 or more once in two hundred


def expected(difference, half, inconclusive=""):
    found = {"difference": difference, "lower": difference - half, "upper": difference + half}
    return {"comparison": found, "inconclusive": inconclusive}


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (expected(0.03, 0.01), "pass"),
        (expected(0.0, 0.015), "pass"),
        (expected(0.0, 0.05), "inconclusive"),
        (expected(-0.03, 0.02), "fail"),
        (expected(0.1, 0.01, "39% was never shown"), "inconclusive"),
        ({"comparison": {"difference": 0.1, "lower": None, "upper": None}, "inconclusive": ""}, "inconclusive"),
    ],
)
def test_listeners_must_not_get_less(given, outcome):
    found = keeps_consumption(given, POLICY)

    assert found.outcome == outcome
    json.dumps(found.numbers)


@pytest.mark.parametrize(
    ("gain", "noise", "outcome"), [(0.0, 0.02, "pass"), (-0.02, 0.02, "fail"), (0.0, 0.5, "inconclusive")]
)
def test_no_worse_is_proven_or_it_is_not(gain, noise, outcome):
    assert no_worse("it", "what serves", beside(gain, noise), POLICY, "anew").outcome == outcome


@pytest.mark.parametrize(
    ("change", "noise", "queries", "outcome"),
    [(0.1, 0.05, 400, "pass"), (-0.02, 0.05, 400, "pass"), (-0.1, 0.05, 400, "fail"), (-0.1, 1.0, 9, "pass"),
     (-0.1, 0.05, 1, "inconclusive")],
)  # fmt: skip
def test_new_releases_must_not_be_shown_to_vanish(change, noise, queries, outcome):
    """Of 12 looks of 100 that they get now they may lose 6."""
    found = keeps_new_releases(beside(change, noise, queries), 0.12, POLICY)

    assert found.outcome == outcome
    assert found.threshold == pytest.approx(-0.06)


def test_a_model_has_to_fit_and_logs_to_be_sound():
    assert [fits_solr(size, "3 trees", 100).outcome for size in (100, 101)] == ["pass", "fail"]
    assert "raise max_model_bytes" in fits_solr(101, "3 trees", 100).reason
    assert logs_are_sound([]).outcome == "pass"
    assert logs_are_sound(["2026-09-01: few searches"]).outcome == "inconclusive"


GATE = {
    "lambdamart": {"trees": 30, "leaves": 7, "min_rows_per_leaf": 5},
    "diagnosis": {"folds": 0, "resamples": 0},
    "policy": {"min_queries": 20, "max_hole_rate": 1.0, "refresh_after_days": 4, "refresh_margin": 0.02},
}


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """A run that trains the champion's own recipe on the same days: exactly as good as what serves."""
    plan = replace(small_plan(tmp_path_factory.mktemp("lake"), gate=GATE), families=["lambdamart"])
    publish_learnable(plan)
    lake = plan.open_lake()
    zero = {"release": {"number": 0}, "model": None, "features": []}
    lake.put_json(f"runs/{plan.run}/champion.json", zero)
    train.run(plan, "lambdamart")
    return plan


def serving(plan, until, **changes):
    """The plan with its candidate as the champion, which learned until a day."""
    lake = plan.open_lake()
    fields = lake.get_json(f"{train.folder(plan, 'lambdamart')}/candidate.json")
    summary = lake.get_json(f"{train.folder(plan, 'lambdamart')}/summary.json")
    release = {"number": 1, "model": summary["model"], "family": "lambdamart", "sha": summary["digest"]}
    lake.put_json(
        f"runs/{plan.run}/champion.json",
        {
            "release": {**release, "trained_until": until, **changes},
            "model": fields["model_json"],
            "features": fields["features"],
        },
    )
    return plan


def test_an_old_champions_own_recipe_may_pass_as_a_refresh(again):
    plan = serving(again, again.days[0])
    evaluate.run(plan)

    report = decide.examine(plan, plan.open_lake())

    assert (report.way, report.answer) == ("refresh", "yes"), report.reason
    assert "same recipe" in report.reason
    assert "superior_to_champion" not in {check.name for check in report.checks}


def test_only_old_champions_and_only_their_own_recipe(again):
    release = {"number": 1, "family": "lambdamart", "trained_until": again.days[0]}
    plan = serving(again, again.days[0])
    sha = plan.open_lake().get_json(f"{train.folder(plan, 'lambdamart')}/summary.json")["digest"]

    assert "days ago" in refreshes(plan, "lambdamart", {**release, "sha": sha})
    assert not refreshes(plan, "lambdamart", {**release, "trained_until": again.as_of})
    assert not refreshes(plan, "lambdamart", {**release, "number": 0})
    assert not refreshes(plan, "lambdamart", {**release, "trained_until": ""})
    assert not refreshes(plan, "linear", release)
    serving(again, again.days[0], sha="0" * 64)
    assert not refreshes(again, "lambdamart", release)
