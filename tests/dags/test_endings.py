"""Every ending of the graphs, and a crash in every task: the run's colour, what ran, and that nothing was promoted."""

import json

import pytest

from builders.airflow_process import ROOT, run_with_airflow
from builders.retrain_graph import ENDINGS, PUBLISH_ENDINGS, PUBLISH_TASKS, TASKS

BRACKET = ("extract", "check_logs", "judge", "featurize", "train", "evaluate")
RELEASE = ("upload", "verify", "review", "promote")
#: Ending → colour, and the tasks that ended well. `finish` runs in each; it is red where anything else is.
EXPECTED = {
    "success": ("green", {"plan", "open_cluster", *BRACKET, "close_cluster", "gate", *RELEASE, "finish"}),
    "gate says no": ("green", {"plan", "open_cluster", *BRACKET, "close_cluster", "gate", "reject", "finish"}),
    "Solr says no": (
        "green",
        {"plan", "open_cluster", *BRACKET, "close_cluster", "gate", "upload", "verify", "finish"},
    ),
    "review rejects": (
        "green",
        {"plan", "open_cluster", *BRACKET, "close_cluster", "gate", "upload", "verify", "review", "finish"},
    ),
    "logs are bad": ("green", {"plan", "open_cluster", "extract", "check_logs", "close_cluster", "finish"}),
    "crash in plan": ("red", set()),
    "crash in open_cluster": ("red", {"plan"}),
    **{
        f"crash in {task}": ("red", {"plan", "open_cluster", *BRACKET[:n], "close_cluster"})
        for n, task in enumerate(BRACKET)
    },
    "crash in close_cluster": ("red", {"plan", "open_cluster", *BRACKET, "gate", *RELEASE}),
    "crash in gate": ("red", {"plan", "open_cluster", *BRACKET, "close_cluster"}),
    "crash in reject": ("red", {"plan", "open_cluster", *BRACKET, "close_cluster", "gate"}),
    **{
        f"crash in {task}": ("red", {"plan", "open_cluster", *BRACKET, "close_cluster", "gate", *RELEASE[:n]})
        for n, task in enumerate(RELEASE)
    },
    "crash in finish": ("red", {"plan", "open_cluster", *BRACKET, "close_cluster", "gate", *RELEASE}),
}
EXPECTED["review expires"] = EXPECTED["review rejects"]

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    program = ROOT / "tests" / "builders" / "retrain_graph.py"
    return json.loads(run_with_airflow(tmp_path_factory.mktemp("airflow"), str(program), str(ROOT / "dags")))


@pytest.fixture(scope="module")
def outcomes(graphs):
    return graphs["retrain"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_ending_has_its_colour_and_its_tasks(outcomes, ending):
    colour, ran = EXPECTED[ending]

    tasks = outcomes[ending]["tasks"]

    assert colour == outcomes[ending]["colour"]
    assert ran == {task for task, states in tasks.items() if set(states) == {"success"}}


@pytest.mark.parametrize("ending", ENDINGS)
def test_finish_runs_whatever_happened(outcomes, ending):
    assert outcomes[ending]["tasks"]["finish"][0] in ("success", "failed")


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_task_is_accounted_for(outcomes, ending):
    tasks = outcomes[ending]["tasks"]

    assert set(TASKS) == set(tasks)
    assert set() == {s for states in tasks.values() for s in states} - {
        "success",
        "failed",
        "skipped",
        "upstream_failed",
    }


@pytest.mark.parametrize(
    "ending", [e for e in ENDINGS if e not in ("success", "crash in close_cluster", "crash in finish")]
)
def test_nothing_is_promoted(outcomes, ending):
    assert "success" not in outcomes[ending]["tasks"]["promote"]


@pytest.mark.parametrize("ending", [e for e in ENDINGS if e not in ("crash in plan", "crash in open_cluster")])
def test_an_opened_cluster_meets_its_teardown(outcomes, ending):
    assert outcomes[ending]["tasks"]["close_cluster"][0] in ("success", "failed")


def test_one_train_task_per_family(outcomes):
    assert outcomes["success"]["tasks"]["train"] == ["success", "success"]


_DAILY = ("open_cluster", "extract", "check_logs", "behaviour")
PUBLISHED = {
    "success": ("green", set(PUBLISH_TASKS)),
    "logs are bad": ("green", {"plan", *_DAILY[:3], "close_cluster", "finish"}),
    "nothing to do": ("green", {"finish"}),
    "crash in plan": ("red", set()),
    "crash in open_cluster": ("red", {"plan"}),
    **{f"crash in {_DAILY[n]}": ("red", {"plan", *_DAILY[:n], "close_cluster"}) for n in range(1, len(_DAILY))},
    "crash in close_cluster": ("red", {"plan", *_DAILY, "publish"}),
    "crash in publish": ("red", {"plan", *_DAILY, "close_cluster"}),
    "crash in finish": ("red", {"plan", *_DAILY, "close_cluster", "publish"}),
}


@pytest.mark.parametrize("ending", PUBLISH_ENDINGS)
def test_a_publish_has_its_colour_and_its_tasks(graphs, ending):
    found = graphs["publish_features"][ending]

    assert set(PUBLISH_TASKS) == set(found["tasks"])
    assert PUBLISHED[ending] == (
        found["colour"],
        {task for task, states in found["tasks"].items() if set(states) == {"success"}},
    )
