"""The command line: exit codes from one place, an example in every help text, answers written where asked."""

import json
import shutil
from pathlib import Path

import pytest
from typer.main import get_command

from reprise import cli
from reprise.answers import answer
from reprise.errors import MissingDataError, ServiceError
from reprise.verdict import Verdict


def commands(group, path=()):
    """Yield every command with its path."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(
    ("path", "command"), [*commands(get_command(cli.app))], ids=lambda v: "-".join(v) if isinstance(v, tuple) else ""
)
def test_every_help_shows_one_worked_example(path, command):
    """The example starts with the command itself."""
    assert f"`reprise {' '.join(path)}" in command.help


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["extract"], 64),
        (["nonsense"], 64),
        (["extract", "--plan", "/nowhere/plan.json"], 64),
        (["check", "nobody"], 64),
        (["check"], 64),
        (["check", "ubi", "--draft", "/nowhere/*"], 64),
        (["check", "--draft", "/nowhere/*"], 64),
        (["judge"], 64),
        (["judge", "--sessions", "/nowhere.jsonl"], 64),
        (["judge", "--sessions", "/nowhere.jsonl", "--plan", "/nowhere/plan.json"], 64),
        (["judge", "--sessions", "/nowhere.jsonl", "--gamma", "2"], 64),
    ],
)
def test_exit_codes_of_use(arguments, code, capsys):
    """Wrong use is 64, with one line that names it and no traceback."""
    assert cli.exit_code(arguments) == code
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert len(error.strip().splitlines()) == (1 if code else 0)


@pytest.mark.parametrize(("said", "code"), [("yes", 0), ("no", 1), ("cannot tell", 2)])
def test_an_answer_is_an_exit_code_or_a_file(said, code, tmp_path):
    """With --verdict every answer exits 0, because EMR knows only success and failure."""
    verdict = Verdict(said, "because", facts={"rows": 3})
    with pytest.raises(cli.typer.Exit) as stop:
        answer(None, lambda: verdict)
    assert stop.value.exit_code == code

    path = tmp_path / "answers" / "judge.json"
    answer(str(path), lambda: verdict)
    assert Verdict.from_json(path.read_text()) == verdict


@pytest.mark.parametrize(
    "error",
    [MissingDataError("no bucket x", "create it"), ServiceError("Solr is down", "start it"), ZeroDivisionError("oh")],
)
def test_errors_leave_their_reason_where_the_task_reads_it(error, tmp_path):
    """Bad input and crashes keep their exit codes, and the reason survives the cluster."""
    path = tmp_path / "verdict.json"

    def fail() -> Verdict:
        raise error

    with pytest.raises(type(error)):
        answer(str(path), fail)
    written = Verdict.from_json(path.read_text())
    assert str(error).split(" →")[0] in written.reason
    assert written.remedy


def test_check_names_a_feature_that_cannot_be_served(tmp_path, monkeypatch, capsys):
    """Before it looks at a single record."""
    folder = tmp_path / "leaky"
    folder.mkdir()
    (folder / "logs.yaml").write_text("extends: ubi", encoding="utf-8")
    (folder / "solr.yaml").write_text(
        "features: [{name: seen, kind: item, field: beh_plays_0a1b, meaning: today's plays}]", encoding="utf-8"
    )
    shutil.copytree(Path(__file__).parents[1] / "include" / "deployments" / "ubi", tmp_path / "ubi")
    monkeypatch.setenv("REPRISE_DEPLOYMENTS", str(tmp_path))

    assert cli.exit_code(["check", "leaky"]) == 64
    assert "feature 'seen' reads beh_plays_0a1b" in capsys.readouterr().err


def test_the_catalogue_is_printed_as_table_and_as_store(capsys):
    assert cli.exit_code(["features", "ubi"]) == 0
    table = capsys.readouterr().out
    assert cli.exit_code(["features", "ubi", "--store"]) == 0

    assert "| `engine_score` | match |" in table
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["engine_score"]
