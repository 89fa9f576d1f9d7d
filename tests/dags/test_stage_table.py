"""One word per stage: package, task and command agree with the design's table."""

import json

import pytest
import typer

from builders.airflow_process import ROOT, run_with_airflow
from reprise.cli import app

#: Room → its commands, which are its tasks.
STAGES = {
    "searches": ["extract"],
    "judgments": ["judge"],
    "features": ["featurize", "behaviour", "publish"],
    "training": ["train", "evaluate"],
    "selection": ["select"],
    "gate": ["gate"],
    "release": ["upload", "verify", "promote", "rollback"],
}
PROGRAM = """
import json, logging
from airflow.dag_processing.dagbag import DagBag
logging.disable(logging.CRITICAL)
print(json.dumps({{d: sorted(dag.task_ids) for d, dag in DagBag({dags!r}).dags.items()}}))
"""

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    text = run_with_airflow(tmp_path_factory.mktemp("airflow"), "-c", PROGRAM.format(dags=str(ROOT / "dags")))
    return {task for ids in json.loads(text).values() for task in ids}


@pytest.mark.parametrize(
    "command",
    [
        "extract",
        "judge",
        "featurize",
        "behaviour",
        "publish",
        "train",
        "evaluate",
        "select",
        "upload",
        "verify",
        "promote",
    ],
)
def test_a_command_has_a_module_of_its_name_in_its_room(command):
    room = next(room for room, commands in STAGES.items() if command in commands)

    assert (ROOT / "include" / "reprise" / room / f"{command}.py").exists(), "name the module like the command"


@pytest.mark.parametrize("command", [c for commands in STAGES.values() for c in commands])
def test_a_command_is_a_task(tasks, command):
    assert command in tasks, "name the task like the command"


def test_the_stages_that_steps_run_are_commands():
    commands = set(typer.main.get_command(app).commands)

    assert {"extract", "judge", "featurize", "train", "evaluate", "gate", "release"} <= commands
