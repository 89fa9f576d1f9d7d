"""The command line: exit codes from one place, an example in every help text, answers written where asked."""

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
