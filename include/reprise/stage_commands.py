"""The stages as commands; `judge` and `evaluate` also work on plain files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reprise.answers import answer, plan_at
from reprise.errors import UsageError

if TYPE_CHECKING:
    from reprise.plan import Plan
    from reprise.verdict import Verdict

PlanUri = Annotated[str, typer.Option("--plan", help="Address of the run's plan.json.")]
VerdictUri = Annotated[
    str | None, typer.Option("--verdict", help="Write the answer there; then yes, no and cannot tell all exit 0.")
]


def extract(plan: PlanUri, verdict: VerdictUri = None) -> None:
    """Read raw logs; write searches, impressions, rejects and daily statistics for every closed day that lacks them.

    Example: `reprise extract --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.searches.extract import run

    answer(verdict, lambda: run(plan_at(plan)))


def judge(
    plan: Annotated[str | None, typer.Option("--plan", help="Address of the run's plan.json.")] = None,
    verdict: VerdictUri = None,
    sessions: Annotated[Path | None, typer.Option(help="Instead of a plan: sessions as JSON lines.")] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Print labels by pbm, sdbn, dbn, ctr or ctr_at_1, or `compare` the models on held-out sessions."
        ),
    ] = None,
    gamma: Annotated[float, typer.Option(help="Of the DBN: the chance to look further, where EM begins.")] = 0.9,
    fix_gamma: Annotated[bool, typer.Option("--fix-gamma", help="Leave gamma as it is.")] = False,
    prior: Annotated[tuple[float, float], typer.Option(help="Clicks and impressions added to each item's own.")] = (
        1.0,
        2.0,
    ),
    iterations: Annotated[int, typer.Option(help="Of EM, at the most.")] = 200,
    held_out: Annotated[
        float, typer.Option(help="The share of sessions, the last ones, that models are tried on.")
    ] = 0.2,
    out: Annotated[Path | None, typer.Option(help="Where to write the labels; the terminal if left out.")] = None,
) -> None:
    """Measure position bias and turn daily statistics into judgments; or try click models on sessions.

    With --method nothing is published: sessions are a file's, or the searches of the plan's test block.

    Example: `reprise judge --plan s3://reprise-lake/demo/runs/3f2a/plan.json`

    Example: `reprise judge --sessions sessions.jsonl --method dbn --gamma 0.7 --fix-gamma`
    """
    if bool(plan) == bool(sessions) or (verdict and (method or sessions)) or (out and not method):
        raise UsageError(
            "judge takes a plan, or sessions", "give --plan (and --verdict), or --plan or --sessions and --method"
        )
    if plan and not method:
        from reprise.judgments.judge import run

        answer(verdict, lambda: run(plan_at(plan)))
        return
    from reprise.clicks.lake import sessions_of_plan, widely_asked
    from reprise.clicks.models import Setting
    from reprise.clicks.sessions import read_sessions
    from reprise.clicks.view import compare_text, label_text

    setting = Setting(prior, gamma, fix_gamma, iterations)
    known = plan_at(plan) if plan else None
    found = sessions_of_plan(known) if known else read_sessions(sessions or Path())
    if method in (None, "compare"):
        text = compare_text(found, setting, held_out)
    else:
        text = label_text(found, str(method), setting, widely_asked(known) if known else None)
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)


def featurize(plan: PlanUri, verdict: VerdictUri = None) -> None:
    """Join judgments with features from Solr and from behaviour into the training set.

    Example: `reprise featurize --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.features.featurize import run

    answer(verdict, lambda: run(plan_at(plan)))


def skew(
    plan: PlanUri,
    vectors: Annotated[list[str], typer.Option(help="Where live vectors lie: a glob, local or s3://; repeatable.")],
    verdict: VerdictUri = None,
) -> None:
    """Compare vectors that the live engine logged in the test days with those training replayed.

    Writes features/skew.json beside the plan. Yes: no feature differs in more pairs than policy.max_skew_share.

    Example: `reprise skew --plan s3://reprise-lake/demo/runs/3f2a/plan.json --vectors "s3://vectors/dt={date}/*.gz"`
    """
    from reprise.features.skew import of_plan

    answer(verdict, lambda: of_plan(plan_at(plan), vectors))


def behaviour(plan: PlanUri, verdict: VerdictUri = None) -> None:
    """Compute what Solr is to serve of each item's behaviour, as of the plan's newest day, into the lake.

    Example: `reprise behaviour --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.features.behaviour import run

    answer(verdict, lambda: run(plan_at(plan)))


def publish(
    plan: PlanUri,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Even if the values are out of band.")] = False,
    verdict: VerdictUri = None,
) -> None:
    """Make Solr serve the behaviour of the plan's newest day, as `behaviour` left it: what differs, in place.

    Example: `reprise publish --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.features.publish import run
    from reprise.solr.client import SolrClient

    planned = plan_at(plan)
    solr = planned.deployment.solr
    with SolrClient(planned.solr_urls, solr.core, id_field=solr.request.id_field) as client:
        answer(verdict, lambda: run(client, planned, checked=not unchecked))


def select(
    plan: PlanUri,
    adopt: Annotated[bool, typer.Option("--adopt", help="Let trainings with `features: selected` use them.")] = False,
    verdict: VerdictUri = None,
) -> None:
    """Find the fewest features that a run's training set needs, with the price of each subset in Solr.

    Writes selection/ beside the plan: a page, two plots, JSON.

    Example: `reprise select --plan s3://reprise-lake/demo/runs/3f2a/plan.json --adopt`
    """
    from reprise.selection.select import run
    from reprise.solr.client import SolrClient

    planned = plan_at(plan)
    solr = planned.deployment.solr
    if not planned.solr_urls:
        answer(verdict, lambda: run(planned, None, adopt))
    with SolrClient(planned.solr_urls, solr.core, id_field=solr.request.id_field) as client:
        answer(verdict, lambda: run(planned, client, adopt))


def train(
    plan: Annotated[str | None, typer.Option("--plan", help="Address of the run's plan.json.")] = None,
    family: Annotated[
        str | None, typer.Option(help="Of a plan: linear, lambdamart, or another of docs/families.md.")
    ] = None,
    verdict: VerdictUri = None,
    vectors: Annotated[Path | None, typer.Option(help="Instead of a plan: SVMlight or Parquet, to learn from.")] = None,
    held_out: Annotated[Path | None, typer.Option(help="The same, to measure on.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="LightGBM's own configuration file; its defaults if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write LightGBM's text model.")] = None,
) -> None:
    """Train one family and export it as a Solr model; or LambdaMART on vectors from elsewhere, with a diagnosis.

    Example: `reprise train --plan s3://reprise-lake/demo/runs/3f2a/plan.json --family lambdamart`

    Example: `reprise train --vectors rank.train --held-out rank.test --config train.conf --out model.txt`
    """
    if [bool(plan), bool(family)] != [not vectors, not vectors] or bool(vectors) != bool(held_out):
        raise UsageError(
            "train takes a plan and a family, or vectors", "give --plan and --family, or --vectors and --held-out"
        )
    if plan and family:
        from reprise.training.train import run

        answer(verdict, lambda: run(plan_at(plan), family))
    if vectors and held_out:
        from reprise.training.from_files import lines, train_files

        found = train_files(vectors, held_out, config)
        typer.echo("\n".join(lines(found)))
        if out:
            out.write_text(found.model, encoding="utf-8")
            typer.echo(f"wrote {out}")


def tune(
    plan: PlanUri,
    family: Annotated[str, typer.Option(help="One of docs/families.md.")],
    nested: Annotated[int, typer.Option(help="Outer folds of a nested cross-validation; 0: the study alone.")] = 0,
    trials: Annotated[int | None, typer.Option(help="Of each nested study, in place of tuning.trials.")] = None,
    verdict: VerdictUri = None,
) -> None:
    """Search for a family's best settings, as `train` will find them; or say what tuning is worth, nested.

    Example: `reprise tune --plan s3://reprise-lake/demo/runs/3f2a/plan.json --family lambdamart --nested 5 --trials 10`
    """
    if trials is not None and not nested:
        raise UsageError("--trials is for nested studies", "set tuning.trials in gate.yaml, or give --nested")
    if nested:
        answer(verdict, lambda: _nested(plan_at(plan), family, nested, trials))
    else:
        from reprise.training.train import study

        answer(verdict, lambda: study(plan_at(plan), family))


def _nested(plan: Plan, family: str, folds: int, trials: int | None) -> Verdict:
    """Return the answer of a nested cross-validation, recorded in MLflow where the plan has a run there."""
    from reprise.training.tuning.nested import run, where

    found = run(plan, family, folds, trials)
    if plan.mlflow:
        from reprise import tracking

        tracking.record_nested(plan, family, where(plan, family, folds, trials))
    return found


def evaluate(
    plan: Annotated[str | None, typer.Option("--plan", help="Address of the run's plan.json.")] = None,
    verdict: VerdictUri = None,
    qrels: Annotated[Path | None, typer.Option(help="Instead of a plan: TREC judgments, `query 0 item grade`.")] = None,
    run: Annotated[list[Path] | None, typer.Option(help="A TREC run; several are compared with the first.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="As `ndcg@10`, `err@10`, `rbp_80`; repeatable.")] = None,
    unjudged: Annotated[str, typer.Option(help="Ranked items without a judgment: zero, prior, judged_only.")] = "zero",
    empty: Annotated[str, typer.Option(help="Queries without a relevant item: drop, zero, one.")] = "drop",
    vectors: Annotated[Path | None, typer.Option(help="Instead of a plan: SVMlight or Parquet with grades.")] = None,
    model: Annotated[
        list[Path] | None,
        typer.Option(help="Solr's JSON, or what `convert` takes; the first is compared with."),
    ] = None,
    names: Annotated[str | None, typer.Option(help="Of the vectors' features: a file, or a list with commas.")] = None,
) -> None:
    """Score candidates, champion and baselines per query, on every block; or any rankings or models, from files.

    Example: `reprise evaluate --plan s3://reprise-lake/demo/runs/3f2a/plan.json`

    Example: `reprise evaluate --qrels judged.txt --run before.txt --run after.txt`

    Example: `reprise evaluate --vectors rank.test --model old.json --model lightgbm.txt`
    """
    files = [bool(qrels), bool(run), bool(vectors), bool(model)]
    if files not in ([[False] * 4] if plan else [[True, True, False, False], [False, False, True, True]]) or (
        verdict and not plan
    ):
        raise UsageError(
            "evaluate takes a plan, or qrels with runs, or vectors with models",
            "give --plan (and --verdict), or --qrels and --run, or --vectors and --model",
        )
    if plan:
        from reprise.training.evaluate import run as stage

        answer(verdict, lambda: stage(plan_at(plan)))
    elif qrels and run:
        from reprise.metrics.trec_view import show

        show(qrels, run, metric or [], unjudged, empty)
    elif vectors and model:
        from reprise.solr.convert.files import read_names
        from reprise.training.from_files import evaluate_files

        typer.echo("\n".join(evaluate_files(vectors, model, read_names(names) if names else None)))
