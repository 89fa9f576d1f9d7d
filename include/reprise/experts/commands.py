"""``reprise grades``: expert judgments in and out of the lake, and what they tell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from reprise.errors import UsageError
from reprise.lake_commands import open_deployment

grades = typer.Typer(no_args_is_help=True, help="Expert judgments: import, export, and where they differ.")
_Deployment = Annotated[str, typer.Argument(help="A deployment's name or folder.")]


@grades.command("import")
def grades_import(
    deployment: _Deployment,
    file: Annotated[Path, typer.Argument(help="CSV: query,item,grade,grader[,graded_at,comment]; or TREC qrels.")],
    grader: Annotated[str | None, typer.Option(help="Who graded a file of qrels, which doesn't say.")] = None,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Take items that Solr does not hold.")] = False,
) -> None:
    """Add grades from 0 to 4. A grader's later word on the same pair replaces the earlier one.

    Example: `reprise grades import demo grades.csv`, or `reprise grades import demo judged.qrels --grader panel`
    """
    from reprise.experts.grades import read_csv, read_qrels
    from reprise.experts.store import require_known, save
    from reprise.solr.client import connect

    if (file.suffix.lower() != ".csv") != bool(grader):
        raise UsageError(
            f"{file.name} is {'CSV, which names its graders' if grader else 'no .csv, so it is read as TREC qrels'}",
            "leave --grader out" if grader else "say with --grader who graded",
        )
    settings, lake = open_deployment(deployment)
    found = read_qrels(file, grader) if grader else read_csv(file)
    if not unchecked:
        with connect(settings.solr.core, settings.solr.request.id_field) as client:
            require_known(found, client)
    if not save(lake, found, file.name):
        typer.echo("these grades were imported before; nothing changed")
        return
    queries = {grade.query_group: grade.purpose for grade in found}
    teach = list(queries.values()).count("teach")
    typer.echo(
        f"imported {len(found)} grades of {len(queries)} queries: {teach} to teach, {len(queries) - teach} to test"
    )


@grades.command("export")
def grades_export(
    deployment: _Deployment,
    out: Annotated[Path, typer.Argument(help="A .csv with every grader's word, or TREC qrels of their medians.")],
    purpose: Annotated[str, typer.Option(help="teach, test or all")] = "all",
) -> None:
    """Write the grades that count to a file.

    Example: `reprise grades export demo judged.qrels --purpose test`
    """
    from reprise.experts.grades import to_csv, to_qrels
    from reprise.experts.store import load

    if purpose not in ("teach", "test", "all"):
        raise UsageError(f"there is no purpose {purpose!r}", "use teach, test or all")
    found = [grade for grade in load(open_deployment(deployment)[1]) if purpose in ("all", grade.purpose)]
    text = to_csv(found) if out.suffix.lower() == ".csv" else to_qrels(found)
    out.write_text(text, encoding="utf-8", newline="")
    typer.echo(f"wrote {len(found)} grades to {out}")


@grades.command("agreement")
def grades_agreement(deployment: _Deployment) -> None:
    """Say how far graders agree (Krippendorff's α), and who grades higher or lower than the others.

    Example: `reprise grades agreement demo`
    """
    from reprise.experts.agreement import agreement
    from reprise.experts.store import load

    found = agreement(load(open_deployment(deployment)[1]))
    typer.echo(f"α = {found.alpha:.3f} over {found.items} items graded by two or more: {found.in_words}")
    for grader, gap in found.by_grader.items():
        typer.echo(f"{grader}: {gap:+.2f} grades beside the others")


@grades.command("disagreement")
def grades_disagreement(
    plan: Annotated[str, typer.Option("--plan", help="Address of the plan.json of a judged run.")],
    apart: Annotated[int, typer.Option(min=1, help="From how many grades on a pair is listed.")] = 2,
    rows: Annotated[int, typer.Option(min=1, help="How many pairs to list.")] = 20,
) -> None:
    """List pairs of which experts and logs think differently, the most searched first.

    Example: `reprise grades disagreement --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.experts.disagreement import disagreements
    from reprise.experts.store import load
    from reprise.plan import read_plan

    run = read_plan(plan)
    found = disagreements(run, load(run.open_lake()), apart)
    typer.echo(f"{found.shared} pairs judged by both, {found.alike} of them alike; {len(found.differ)} far apart")
    for one in found.differ[:rows]:
        typer.echo(
            f"{one.searches:>7} searches  {one.query}  {one.item}: experts {one.experts} ({one.graders}), "
            f"logs {one.logs} (g {one.g:.2f})"
        )
