"""`explain`: why a ranker puts one item of a query above another."""

from __future__ import annotations

from typing import Annotated

import typer

from reprise.answers import plan_at
from reprise.errors import MissingDataError, UsageError


def explain(
    plan: Annotated[str, typer.Option("--plan", help="Address of the run's plan.json.")],
    query: Annotated[str, typer.Option(help="A query that was searched in the test block.")],
    family: Annotated[str, typer.Option(help="A family that the run trained, or `champion`.")] = "lambdamart",
    items: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Two items; left out: the first, and the one that stands lowest for its worth."),
    ] = None,
) -> None:
    """Say why one item of a query stands above another: each feature's two values and what they bring to the score.

    Example: `reprise explain --plan s3://reprise-lake/demo/runs/3f2a/plan.json --query "night river"`
    """
    import pyarrow.compute as pc

    from reprise.training.data import read_table
    from reprise.training.explain import explain as explained
    from reprise.training.explain import known_queries, served, table

    planned = plan_at(plan)
    rows, manifest = read_table(planned)
    tested = rows.filter(pc.equal(rows["role"], "test"))
    if not tested.num_rows:
        raise MissingDataError(f"run {planned.run} has no test rows", "check the blocks in gate.yaml")
    found = tested.filter(pc.or_(pc.equal(tested["query"], query), pc.equal(tested["query_group"], query)))
    if not found.num_rows:
        raise UsageError(
            f"{query!r} is not among the queries of the test block", f"try: {', '.join(known_queries(tested)[:5])}"
        )
    block = found["block"][found.num_rows - 1]
    found = found.filter(pc.equal(found["block"], block))
    meanings = {feature.name: feature.meaning for feature in planned.deployment.solr.features}
    told = explained(served(planned, family), found, manifest.facts["columns"], items or ())
    typer.echo("\n".join(table(told, meanings)))
