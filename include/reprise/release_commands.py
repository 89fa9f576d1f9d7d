"""``reprise release``: what is live in Solr, what was, and the way back."""

from __future__ import annotations

from pathlib import Path
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


@release.command("status")
def release_status(
    deployment: _Deployment,
    repair: Annotated[bool, typer.Option(help="Mend the copies in lake and MLflow; never Solr.")] = False,
    solr_only: Annotated[bool, typer.Option("--solr-only", help="Ask no copy: Solr alone has to be up.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say what is live on every replica, since when, how old, who let it, and whether the copies agree.

    Exits 0 where all agree, else 1. Example: `reprise release status demo`
    """
    import json
    from dataclasses import asdict

    from reprise import release as room
    from reprise.release_pages import show_status
    from reprise.settings import load_deployment

    settings = load_deployment(deployment)
    with _solr(deployment) as client:
        found = room.status(client)
    copies = [] if solr_only else _copies(settings.name, found)
    if repair and not all(copy.ok for copy in copies):
        _repair(settings.name, found)
        copies = _copies(settings.name, found)
    if as_json:
        typer.echo(json.dumps({**found.to_dict(), "mirrors": [asdict(copy) for copy in copies]}, indent=1))
    else:
        show_status(found, copies)
    raise typer.Exit(0 if found.agreed and all(copy.ok for copy in copies) else 1)


@release.command("check")
def release_check(
    deployment: _Deployment,
    searches: Annotated[Path | None, typer.Option(help="A file, one a line; else a day's frequent ones.")] = None,
    count: Annotated[int | None, typer.Option(help="How many; solr.serving.searches if left out.")] = None,
    time_allowed: Annotated[int | None, typer.Option("--time-allowed", help="Milliseconds; timeAllowed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Send recorded searches to what is live: errors, time with and without reranking, changed first results.

    Exits 1 where a search failed. Example: `reprise release check demo --searches queries.txt`
    """
    import json

    from reprise.lake_commands import open_deployment
    from reprise.plan import logs_version
    from reprise.release.recorded import frequent, from_file
    from reprise.release.serving import check
    from reprise.searches.calendar import newest_extracted
    from reprise.settings import load_deployment

    settings = load_deployment(deployment)
    wanted = count or settings.solr.serving.searches
    if searches:
        texts = from_file(searches, wanted)
    else:
        _, lake = open_deployment(deployment)
        texts = frequent(settings, lake, newest_extracted(lake, logs_version(settings)), wanted)
    more = {} if time_allowed is None else {"timeAllowed": str(time_allowed)}
    with _solr(deployment) as client:
        found = check(client, settings.solr, texts, more)
    typer.echo(json.dumps(found.to_dict(), indent=1) if as_json else found.in_words)
    for error in found.errors:
        typer.echo(error, err=True)
    raise typer.Exit(1 if found.failed else 0)


@release.command("prune")
def release_prune(
    deployment: _Deployment,
    last: Annotated[int | None, typer.Option(help="Releases to keep; solr.serving.keep_releases if left out.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Free what no release needs: models beyond the last ones, then stores nobody uses.

    Live, previous, what waits for a review, and the last releases stay. Example: `reprise release prune demo --dry-run`
    """
    from reprise import release as room
    from reprise.connections import connection
    from reprise.lifecycle.lock import lake_lock
    from reprise.release.staged import staged
    from reprise.settings import load_deployment

    solr = load_deployment(deployment).solr
    kept = solr.serving.keep_releases if last is None else last
    root = connection("lake").uri
    waiting = staged(root, solr.core)
    with _solr(deployment) as client:
        if dry_run:
            gone = room.prunable(client, waiting, kept)
        else:
            gone = room.prune(client, waiting, kept, lake_lock(root, f"solr-{solr.core}", "reprise release prune"))
    for name in gone:
        typer.echo(name)
    typer.echo(f"{len(gone)} {'would go' if dry_run else 'gone'}; waiting for a review: {len(waiting)}", err=True)


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
        rolled = room.rollback(client, to_release=to, reason=reason, by=by)
    typer.echo(f"release {rolled.release.number} ({rolled.release.model}) is live")
    for url, why in rolled.unconfirmed.items():
        typer.echo(f"not confirmed by {url}: {why}", err=True)


def _solr(deployment: str) -> Any:
    from reprise.settings import load_deployment
    from reprise.solr.client import connect

    return connect(load_deployment(deployment).solr.core)


def _copies(deployment: str, found: Any) -> list[Any]:
    from reprise.connections import connection
    from reprise.errors import RepriseError
    from reprise.lake import Lake
    from reprise.release.mirrors import mirrors
    from reprise.tracking import served_aliases

    aliases: dict[str, str] | RepriseError
    try:
        aliases = served_aliases(deployment)
    except RepriseError as error:
        aliases = error
    return mirrors(found, Lake(f"{connection('lake').uri}/{deployment}"), aliases)


def _repair(deployment: str, found: Any) -> None:
    from reprise.connections import connection
    from reprise.lake import Lake
    from reprise.lifecycle.recording import mirror
    from reprise.release.mirrors import copy_record

    copy_record(found, Lake(f"{connection('lake').uri}/{deployment}"))
    mirror(deployment, found.live, found.previous)
