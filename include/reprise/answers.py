"""One place for what a command answers: to the terminal by its exit code, or to where the task reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from reprise.errors import RepriseError
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from reprise.plan import Plan


def plan_at(uri: str) -> Plan:
    """Return the plan at an address."""
    from reprise.plan import read_plan

    return read_plan(uri)


def answer(verdict_uri: str | None, run: Callable[[], Verdict], *, beside: bool = False) -> None:
    """Run a stage; print its answer and exit by it, or write it where the task will read it.

    ``beside``: the answer goes to standard error, because standard output is a file to keep.
    """
    try:
        verdict = run()
    except RepriseError as error:
        if verdict_uri:
            _write(verdict_uri, Verdict("cannot tell", error.problem, error.remedy, {"exit_code": error.exit_code}))
        raise
    except Exception as error:
        if verdict_uri:
            reason = f"{type(error).__name__}: {error}"[:2000]
            _write(verdict_uri, Verdict("cannot tell", reason, "read the step's stderr log"))
        raise
    typer.echo(f"{verdict.answer}: {verdict.reason}" if verdict.reason else verdict.answer, err=beside)
    if verdict_uri:
        _write(verdict_uri, verdict)
        return
    raise typer.Exit(verdict.exit_code)


def _write(uri: str, verdict: Verdict) -> None:
    from reprise.objects import ObjectStore

    folder, _, name = uri.rpartition("/")
    ObjectStore(folder or ".").put(name, verdict.to_json().encode())
