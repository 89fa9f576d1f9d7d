"""``reprise sandbox``: everything on one machine, started, filled, played through and ended."""

from __future__ import annotations

import os
from typing import Annotated

import typer

sandbox = typer.Typer(no_args_is_help=True, help="S3, EMR, Solr, MLflow, Airflow and listeners on one machine.")


@sandbox.command()
def up() -> None:
    """Start what is not running; doing it twice changes nothing.

    Example: `reprise sandbox up`
    """
    from reprise.sandbox.home import Home
    from reprise.sandbox.supervisor import up as start

    home = Home.from_environment()
    start(home)
    typer.echo(f"everything is up; `source {home.write_env_file()}` before using `reprise` by hand")


@sandbox.command()
def down() -> None:
    """End the processes that `up` started, and no others.

    Example: `reprise sandbox down`
    """
    from reprise.sandbox.home import Home
    from reprise.sandbox.supervisor import down as stop

    stop(Home.from_environment())


@sandbox.command()
def status() -> None:
    """Show what runs, where, and whether it really works.

    Example: `reprise sandbox status`
    """
    from rich.console import Console
    from rich.table import Table

    from reprise.sandbox.home import Home
    from reprise.sandbox.supervisor import status as ask

    table = Table("service", "state", "address")
    states = ask(Home.from_environment())
    for state in states:
        table.add_row(state.service, state.trouble or "works", state.url)
    Console().print(table)
    raise typer.Exit(1 if any(state.trouble for state in states) else 0)


@sandbox.command()
def serve(name: Annotated[str, typer.Argument(help="A process of a service, or a one-time job.")]) -> None:
    """Run one process in the foreground, as a container does.

    Example: `reprise sandbox serve airflow-scheduler`
    """
    from reprise.sandbox.home import Home
    from reprise.sandbox.serve import serve as run

    run(Home.from_environment(), name)


@sandbox.command()
def simulate(
    days: Annotated[int, typer.Option(min=1, help="How many more days the music service lives.")] = 7,
    deployment: Annotated[str, typer.Option(help="The simulated service: demo or demo-small.")] = "demo",
) -> None:
    """Let the simulated music service live on, answered by whatever is live in Solr.

    Example: `reprise sandbox simulate --days 7`
    """
    from reprise.sandbox.home import Home
    from reprise.sandbox.service_life import live_on

    home = Home.from_environment()
    os.environ.update(home.client_environment())
    typer.echo(live_on(home, deployment, days))


@sandbox.command()
def demo(
    review: Annotated[
        str, typer.Option(envvar="REVIEW", help="`mira`: the demo's reviewer answers; `me`: it waits for you.")
    ] = "mira",
) -> None:
    """Start everything and play the lifecycle in three acts: a better model, a refused one, a rollback.

    Example: `reprise sandbox demo --review me`
    """
    from reprise.errors import UsageError
    from reprise.sandbox.demo import play
    from reprise.sandbox.home import Home

    if review not in ("mira", "me"):
        raise UsageError(f"REVIEW is {review!r}", "set it to mira or me")
    play(Home.from_environment(), wait_for_you=review == "me")
