"""``reprise lake``: sweeping a deployment's lake, and forgetting a listener."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.settings import Deployment

lake = typer.Typer(no_args_is_help=True, help="What the lake keeps: sweep it, or forget a listener.")
_Deployment = Annotated[str, typer.Argument(help="A deployment's name or folder.")]


@lake.command("sweep")
def lake_sweep(
    deployment: _Deployment,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would go.")] = False,
    unused_versions: Annotated[
        bool, typer.Option("--unused-versions", help="Also daily tables made by definitions no longer used.")
    ] = False,
) -> None:
    """Remove what nobody reads: expired days, replaced and never published files, keys past their time.

    Example: `reprise lake sweep demo --dry-run`
    """
    from reprise.searches.retention import sweep_deployment

    settings, store = open_deployment(deployment)
    swept, keys = sweep_deployment(settings, store, unused_versions, dry_run)
    if dry_run:
        for key, why in swept.removed.items():
            typer.echo(f"{why}: {key}")
        for partition in swept.expired:
            typer.echo(f"expired: {partition}")
        for user_key in keys:
            typer.echo(f"user key: {user_key.first} to {user_key.last}")
    counts = ", ".join(f"{n} {why}" for why, n in sorted(Counter(swept.removed.values()).items())) or "none"
    verb = "would remove" if dry_run else "removed"
    typer.echo(f"{verb} objects: {counts}; partitions expired: {len(swept.expired)}; user keys: {len(keys)}")


@lake.command("forget")
def lake_forget(deployment: _Deployment) -> None:
    """Remove one listener from every table that tells listeners apart, now and on every rebuild.

    The id, as the raw logs have it, is read from standard input: a shell remembers arguments.

    Example: `reprise lake forget demo < id.txt`
    """
    from reprise.searches.forget import forget

    _, store = open_deployment(deployment)
    done = forget(store, sys.stdin.readline().rstrip("\r\n"))
    typer.echo(
        f"forgotten: {done.rows} rows of {done.days} days; {done.other_files} other files; "
        f"{done.hashes} hashes will be dropped on every rebuild"
    )


def open_deployment(name: str) -> tuple[Deployment, Lake]:
    """Return a deployment's settings and its lake."""
    from reprise.connections import connection
    from reprise.lake import Lake
    from reprise.settings import load_deployment

    deployment = load_deployment(name)
    return deployment, Lake(f"{connection('lake').uri}/{deployment.name}")
