"""``reprise golden``: what experts expect of a query, whatever the model."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from reprise.errors import UsageError
from reprise.lake_commands import open_deployment

golden = typer.Typer(no_args_is_help=True, help="Golden queries: what must never break, and what should hold.")
_Deployment = Annotated[str, typer.Argument(help="A deployment's name or folder.")]
_Query = Annotated[str, typer.Argument(help="The query, as a listener types it.")]
_Item = Annotated[str, typer.Argument(help="The item's id in Solr.")]
_Rule = Annotated[str, typer.Argument(help="first, top3 or never")]
_By = Annotated[str, typer.Option(envvar="USER", help="Who says so.")]
_Why = Annotated[str, typer.Option(help="Why; kept with the record.")]


@golden.command("list")
def golden_list(deployment: _Deployment) -> None:
    """Show every expectation that counts.

    Example: `reprise golden list demo`
    """
    from reprise.experts.golden import load

    for one in load(open_deployment(deployment)[1]):
        typer.echo(f"{one.strength}\t{one.in_words}\t{one.by} {one.at[:10]}\t{one.why}")


@golden.command("add")
def golden_add(
    deployment: _Deployment,
    query: _Query,
    item: _Item,
    rule: _Rule,
    never_break: Annotated[bool, typer.Option("--never-break", help="No model that breaks it may pass.")] = False,
    by: _By = "unknown",
    why: _Why = "",
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Take an item that Solr does not hold.")] = False,
) -> None:
    """Record what a query should answer. One that contradicts another is refused.

    Example: `reprise golden add demo "night river" song:12 first --never-break --why "its own title"`
    """
    from reprise.experts.golden import Expectation, add, require_item
    from reprise.solr.client import connect

    settings, lake = open_deployment(deployment)
    strength: Any = "never_break" if never_break else "should_hold"
    expectation = Expectation(query, item, _rule(rule), strength, by, why=why)
    if not unchecked:
        with connect(settings.solr.core, settings.solr.request.id_field) as client:
            require_item(client, item)
    add(lake, expectation)
    typer.echo(f"recorded: {expectation.in_words}")


@golden.command("retire")
def golden_retire(
    deployment: _Deployment, query: _Query, item: _Item, rule: _Rule, by: _By = "unknown", why: _Why = ""
) -> None:
    """Let an expectation count no more; its record stays.

    Example: `reprise golden retire demo "night river" song:12 first --why "there is a new recording"`
    """
    from reprise.experts.golden import Expectation, retire

    retire(open_deployment(deployment)[1], Expectation(query, item, _rule(rule)), by, why)
    typer.echo("retired")


@golden.command("check")
def golden_check(deployment: _Deployment) -> None:
    """Ask Solr whether what is live holds every expectation; exits 1 where one is broken.

    Example: `reprise golden check demo`
    """
    from reprise.experts.golden import load
    from reprise.release.golden import check_live

    settings, lake = open_deployment(deployment)
    held = check_live(settings, load(lake))
    for one in sorted(held, key=lambda one: one.outcome):
        typer.echo(f"{one.outcome}\t{one.expectation.in_words}\t{one.rank or 'absent'}")
    raise typer.Exit(1 if any(one.outcome == "broken" for one in held) else 0)


@golden.command("propose")
def golden_propose(
    plan: Annotated[str, typer.Option("--plan", help="Address of the plan.json of a judged run.")],
    rows: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
    accept: Annotated[bool, typer.Option("--accept", help="Record those that are listed.")] = False,
    by: _By = "unknown",
) -> None:
    """List clear navigational queries: those whose listeners, week after week, end up with one item.

    Example: `reprise golden propose --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from dataclasses import replace

    from reprise.experts.golden import add
    from reprise.experts.proposals import propose
    from reprise.plan import read_plan

    run = read_plan(plan)
    for one in propose(run)[:rows]:
        typer.echo(f"{one.share:.0%}\t{one.listeners} listeners\t{one.expectation.in_words}")
        if accept:
            add(run.open_lake(), replace(one.expectation, by=by))


def _rule(text: str) -> Any:
    from reprise.experts.golden import RULES

    if text not in RULES:
        raise UsageError(f"there is no rule {text!r}", f"use one of: {', '.join(RULES)}")
    return text
