"""``reprise gate``: of a run, or from plain files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reprise.answers import answer, plan_at
from reprise.errors import UsageError

if TYPE_CHECKING:
    from reprise.verdict import Verdict


def gate(
    plan: Annotated[str | None, typer.Option("--plan", help="Address of the run's plan.json.")] = None,
    verdict: Annotated[
        str | None, typer.Option("--verdict", help="Write the answer there; then yes, no and cannot tell all exit 0.")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Instead of a plan: Parquet with model, query_group, value.")
    ] = None,
    candidate: Annotated[str | None, typer.Option(help="Which model of the scores; the only one, if left out.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="Instead: TREC judgments, `query 0 item grade`.")] = None,
    run: Annotated[Path | None, typer.Option(help="The candidate as a TREC run.")] = None,
    champion: Annotated[str | None, typer.Option(help="What serves: a model of the scores, or a TREC run.")] = None,
    traffic: Annotated[Path | None, typer.Option(help="Searches of each query: `query, tab, number`.")] = None,
    metric: Annotated[str, typer.Option(help="Of TREC runs.")] = "ndcg@10",
    policy: Annotated[Path | None, typer.Option(help="YAML: `policy` of a gate.yaml.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for report.html and report.json, of files.")] = Path("gate"),
) -> None:
    """Choose at most one candidate and say whether it is proven better than what serves now.

    From files nothing else is needed: no lake, Solr or Airflow. The report names what such files cannot say.

    Example: `reprise gate --plan s3://reprise-lake/demo/runs/3f2a/plan.json`

    Example: `reprise gate --scores scores.parquet --champion engine_order --policy policy.yaml --out report`

    Example: `reprise gate --qrels judged.txt --run after.txt --champion before.txt --traffic searches.tsv --out report`
    """
    alone = {"--candidate": candidate if not scores else None, "--traffic": traffic if not qrels else None}
    alone |= {"--champion": champion if plan else None, "--policy": policy if plan else None}
    if wrong := [name for name, given in alone.items() if given]:
        raise UsageError(f"{wrong[0]} says nothing here", "leave it out")
    answer(verdict, _asked(plan, scores, candidate, qrels, run, champion, traffic, metric, policy, out))


def _asked(
    plan: str | None,
    scores: Path | None,
    candidate: str | None,
    qrels: Path | None,
    run: Path | None,
    champion: str | None,
    traffic: Path | None,
    metric: str,
    policy: Path | None,
    out: Path,
) -> Callable[[], Verdict]:
    """Return what was asked for; anything but one of the three is an error."""
    if plan and not (scores or qrels or run):
        from reprise.gate.decide import run as stage

        return lambda: stage(plan_at(plan))
    from reprise.gate.files import of_runs, of_scores, read_policy

    if scores and not (plan or qrels or run):
        return lambda: of_scores(scores, candidate, champion, read_policy(policy), out)
    if qrels and run and champion and not (plan or scores):
        return lambda: of_runs(qrels, run, Path(champion), traffic, metric, read_policy(policy), out)
    raise UsageError(
        "gate takes a plan, or scores, or qrels with a run and a champion",
        "give --plan (and --verdict), or --scores, or --qrels, --run and --champion",
    )
