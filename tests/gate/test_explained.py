"""The pages that tell why decide nothing: where one cannot be written, the others are, and the gate goes on."""

from dataclasses import replace

import pytest

from builders.small_service import publish_learnable, small_plan
from reprise.experts import preferences
from reprise.gate import decide
from reprise.gate.explained import explain
from reprise.training import evaluate, train

GATE = {"lambdamart": {"trees": 20, "leaves": 7, "min_rows_per_leaf": 5}, "diagnosis": {"folds": 0, "resamples": 0}}


@pytest.fixture
def plan(tmp_path):
    plan = replace(small_plan(tmp_path, gate=GATE), families=["lambdamart"])
    publish_learnable(plan)
    lake = plan.open_lake()
    lake.put_json(f"runs/{plan.run}/champion.json", {"release": {"number": 0}, "model": None, "features": []})
    train.run(plan, "lambdamart")
    evaluate.run(plan)
    return plan


def pages(plan):
    there = plan.open_lake().store.list(f"runs/{plan.run}/")
    return {name for name in ("why", "model_choice") if any(key.endswith(f"/{name}.html") for key in there)}


def test_both_pages_are_written(plan):
    said = explain(plan, "lambdamart")

    assert said["why"] == "written"
    assert "queries" in said["model_choice"]
    listed = plan.open_lake().get_json(f"runs/{plan.run}/gate/moved.json")["queries"]
    assert said["moved"] == f"{len(listed)} queries to look at"
    assert 0 < len(listed) <= 200
    searches = [one["searches"] for one in listed]
    assert searches == sorted(searches, reverse=True)
    assert {frozenset(one) for one in listed} == {frozenset({"query", "searches"})}, "not for whom they speak"
    assert pages(plan) == {"why", "model_choice"}


def test_people_are_asked_first_about_what_the_last_candidates_lost(plan):
    """With its searches where these are known; of what only a reviewer typed they are not."""
    lake = plan.open_lake()
    explain(plan, "lambdamart")
    moved = lake.get_json(f"runs/{plan.run}/gate/moved.json")["queries"]
    known = moved[-1]
    for query in (known["query"], "typed by a reviewer"):
        preferences.keep(lake, preferences.Preference("earlier", query, "left", "live", "mira", "2026-09-01"))

    explain(plan, "lambdamart")

    now = lake.get_json(f"runs/{plan.run}/gate/moved.json")["queries"]
    first = [{**known, "again": True}, {"query": "typed by a reviewer", "searches": None, "again": True}]
    assert sorted(now[:2], key=lambda one: one["query"]) == sorted(first, key=lambda one: one["query"])
    assert now[2:] == moved[:-1]


def test_a_damaged_summary_costs_its_page_alone(plan, caplog):
    plan.open_lake().store.put(f"{train.folder(plan, 'lambdamart')}/summary.json", b'{"seconds": [], "diagnosis": 7}')
    before = decide.run(plan)

    said = explain(plan, "lambdamart")

    assert said["why"] == "written"
    assert said["model_choice"].startswith("not written: ")
    assert pages(plan) == {"why"}
    assert f"run {plan.run} has no page model_choice" in caplog.text
    assert decide.run(plan) == before
