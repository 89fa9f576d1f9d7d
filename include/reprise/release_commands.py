"""``reprise release``: what is live in Solr, what was, and the way back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

release = typer.Typer(no_args_is_help=True, help="What is live in Solr, and what was; needs Solr alone.")
_Deployment = Annotated[str, typer.Argument(help="A deployment's name or folder.")]


@release.command("list")
def release_list(deployment: _Deployment) -> None:
    """Show every release Solr has on record, and which one is live.

    Example: `reprise release list demo`
    """
    from rich.console import Console
    from rich.table import Table

    from reprise import release as room

    with _solr(deployment) as client:
        live, entries = room.live(client).number, room.releases(client)
    table = Table("", "release", "model", "approver", "when", "MLflow run")
    for entry in entries:
        mark = "live" if entry.number == live else ""
        table.add_row(
            mark, str(entry.number), entry.model or "engine order", entry.approver, entry.time, entry.mlflow_run
        )
    Console().print(table)


@release.command("rollback")
def release_rollback(
    deployment: _Deployment,
    to: Annotated[int | None, typer.Option("--to", help="Release number; the previous one if left out.")] = None,
    reason: Annotated[str, typer.Option(help="Recorded with the release.")] = "",
    by: Annotated[str, typer.Option(envvar="USER", help="Who asks.")] = "unknown",
) -> None:
    """Put an earlier release back with one write; nothing is uploaded or reloaded.

    Example: `reprise release rollback demo --to 0 --reason "odd results for devotional songs"`
    """
    from reprise import release as room

    with _solr(deployment) as client:
        now = room.rollback(client, to_release=to, reason=reason, by=by)
    typer.echo(f"release {now.number} ({now.model or 'engine order'}) is live")


def _solr(deployment: str) -> Any:
    from reprise.settings import load_deployment
    from reprise.solr.client import connect

    return connect(load_deployment(deployment).solr.core)
