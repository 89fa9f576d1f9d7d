"""Drift asks for one retrain: what the latch lets through, and what Airflow makes of it."""

import json

import pytest

from builders.airflow_process import ROOT, run_with_airflow
from reprise.lake import Lake
from reprise.lifecycle.monitoring import latched


@pytest.fixture
def lake(tmp_path):
    return Lake(f"file://{tmp_path}")


def asks(lake, day, *kinds, quiet_days=7):
    return latched(lake, day, set(kinds), quiet_days)


def end_a_retrain(lake):
    lake.put_json("runs/a/plan.json", {"families": ["linear"]})
    lake.put_json("runs/a/ending.json", {})


def test_lasting_drift_asks_once_and_more_of_it_again(lake):
    said = [asks(lake, f"2024-05-0{n}", *kinds) for n, kinds in enumerate([(), ("a",), ("a",), ("a", "b"), ("b",)], 1)]

    assert said == [False, True, False, True, False]


def test_what_was_usual_again_asks_anew(lake):
    said = [asks(lake, f"2024-05-0{n}", *kinds) for n, kinds in enumerate([("a",), (), ("a",)], 1)]

    assert said == [True, False, True]


def test_a_repeated_look_answers_as_the_first(lake):
    assert [asks(lake, "2024-05-01", "a"), asks(lake, "2024-05-01", "a")] == [True, True]


def test_drift_of_a_quiet_time_asks_when_it_is_over(lake):
    end_a_retrain(lake)

    assert not asks(lake, "2024-05-01", "a")
    assert asks(lake, "2024-05-02", "a", quiet_days=0)


@pytest.mark.services
def test_airflow_starts_one_retrain_of_the_deployment_that_drifted(tmp_path):
    program = ROOT / "tests" / "builders" / "drift_runs.py"
    looks = json.loads(run_with_airflow(tmp_path, str(program), str(ROOT / "dags")))
    first, second = "drift__ubi__2024-05-03", "drift__ubi__2024-05-04"

    assert {name: look["task"] for name, look in looks.items()} == {
        "nothing new": "skipped",
        "paused": "skipped",
        "drifted": "success",
        "the same day again": "skipped",
        "the next day": "success",
    }
    assert [sorted(look["runs"]) for look in looks.values()] == [[], [], [first], [first], [first, second]]
    assert looks["drifted"]["runs"][first] == {"deployment": "ubi", "reason": "drift: plays 3, usually 9"}
