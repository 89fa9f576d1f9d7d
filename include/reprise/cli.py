"""The command line: one command per stage, and what surrounds them.

Exit codes, from one place: 0 done or yes, 1 no, 2 cannot tell, 64 wrong use or bad input, 70 crash.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from reprise.errors import EXIT_CRASH, EXIT_USAGE, EXIT_YES, RepriseError, UsageError
from reprise.lake_commands import lake
from reprise.release_commands import release
from reprise.verdict import Verdict

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)
PlanUri = Annotated[str, typer.Option("--plan", help="Address of the run's plan.json.")]
VerdictUri = Annotated[
    str | None, typer.Option("--verdict", help="Write the answer there; then yes, no and cannot tell all exit 0.")
]


@app.callback()
def _root() -> None:
    """Turn a search engine's own logs into a better ranking, again and again."""


# --- stages ----------------------------------------------------------------------------------------------------


@app.command()
def extract(plan: PlanUri, verdict: VerdictUri = None) -> None:
    """Read raw logs; write searches, impressions, rejects and daily statistics for every closed day that lacks them.

    Example: `reprise extract --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.searches.extract import run

    _answer(verdict, lambda: run(_read(plan)))


@app.command()
def judge(plan: PlanUri, verdict: VerdictUri = None) -> None:
    """Measure position bias and turn daily statistics into judgments.

    Example: `reprise judge --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.judgments.judge import run

    _answer(verdict, lambda: run(_read(plan)))


@app.command()
def featurize(plan: PlanUri, verdict: VerdictUri = None) -> None:
    """Join judgments with features from Solr and from behaviour into the training set.

    Example: `reprise featurize --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.features.featurize import run

    _answer(verdict, lambda: run(_read(plan)))


@app.command()
def train(
    plan: PlanUri,
    family: Annotated[str, typer.Option(help="linear or lambdamart")],
    verdict: VerdictUri = None,
) -> None:
    """Train one family and export it as a Solr model.

    Example: `reprise train --plan s3://reprise-lake/demo/runs/3f2a/plan.json --family lambdamart`
    """
    from reprise.training.train import run

    _answer(verdict, lambda: run(_read(plan), family))


@app.command()
def evaluate(
    plan: Annotated[str | None, typer.Option("--plan", help="Address of the run's plan.json.")] = None,
    verdict: VerdictUri = None,
    qrels: Annotated[Path | None, typer.Option(help="Instead of a plan: TREC judgments, `query 0 item grade`.")] = None,
    run: Annotated[list[Path] | None, typer.Option(help="A TREC run; several are compared with the first.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="As `ndcg@10`, `err@10`, `rbp_80`; repeatable.")] = None,
    unjudged: Annotated[str, typer.Option(help="Ranked items without a judgment: zero, prior, judged_only.")] = "zero",
    empty: Annotated[str, typer.Option(help="Queries without a relevant item: drop, zero, one.")] = "drop",
) -> None:
    """Score candidates, champion and baselines per query, on every block; or any rankings, from TREC files.

    Example: `reprise evaluate --plan s3://reprise-lake/demo/runs/3f2a/plan.json`

    Example: `reprise evaluate --qrels judged.txt --run before.txt --run after.txt`
    """
    files = [name for name, given in (("--qrels", qrels), ("--run", run)) if given]
    if files != ([] if plan else ["--qrels", "--run"]) or (verdict and not plan):
        raise UsageError(
            "evaluate takes a plan, or qrels with runs", "give --plan (and --verdict), or --qrels and --run"
        )
    if plan:
        from reprise.training.evaluate import run as stage

        _answer(verdict, lambda: stage(_read(plan)))
    elif qrels and run:
        from reprise.metrics.trec_view import show

        show(qrels, run, metric or [], unjudged, empty)


@app.command()
def gate(plan: PlanUri, verdict: VerdictUri = None) -> None:
    """Choose at most one candidate and say whether it is proven better than what serves now.

    Example: `reprise gate --plan s3://reprise-lake/demo/runs/3f2a/plan.json`
    """
    from reprise.gate.decide import run

    _answer(verdict, lambda: run(_read(plan)))


# --- plain files -----------------------------------------------------------------------------------------------


@app.command()
def convert(
    model: Annotated[Path, typer.Argument(help="A LightGBM text model.")],
    name: Annotated[str, typer.Option(help="The Solr model's name.")],
    store: Annotated[str, typer.Option(help="The feature store it reads.")],
    out: Annotated[Path, typer.Option(help="Where to write the Solr model JSON.")],
) -> None:
    """Turn a LightGBM text model into a Solr model that scores the same, or refuse and say why.

    Example: `reprise convert model.txt --name mine --store mine_features --out model.json`
    """
    from reprise.solr.files import convert_file

    convert_file(model, name=name, store=store, out=out)
    typer.echo(f"wrote {out}")


@app.command()
def score(
    model: Annotated[Path, typer.Argument(help="A Solr model JSON (linear or tree).")],
    vectors: Annotated[Path, typer.Argument(help="Parquet or CSV, one column per feature.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the scores; the terminal if left out.")] = None,
) -> None:
    """Score vectors exactly as Solr would, bit for bit.

    Example: `reprise score model.json vectors.parquet --out scores.csv`
    """
    from reprise.solr.files import score_file

    text = score_file(model, vectors)
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)


# --- set-up ----------------------------------------------------------------------------------------------------


@app.command()
def check(
    deployment: Annotated[str | None, typer.Argument(help="A deployment's name or folder.")] = None,
    draft: Annotated[
        list[str] | None,
        typer.Option(help="A glob of raw files; print a source of logs.yaml as their records suggest it. Repeatable."),
    ] = None,
) -> None:
    """Sample a deployment's logs and services, and name the next edit to make; or draft its first sources.

    Example: `reprise check ubi`, or `reprise check --draft "s3://my-logs/search/*/*.gz"` before there is one.
    """
    if bool(deployment) == bool(draft):
        raise UsageError(
            "check takes a deployment, or addresses to draft from" + (", not both" if draft else ""),
            "run `reprise check <deployment>`, or `reprise check --draft <address>`",
        )
    if draft:
        from reprise.searches.draft import drafts, verdict

        found = drafts(draft)
        typer.echo("\n".join(one.text for one in found))
        _answer(None, lambda: verdict(found), beside=True)
    from reprise.connections import trouble
    from reprise.searches.check import check as run
    from reprise.settings import load_deployment

    report = run(load_deployment(str(deployment)))
    report.print()
    for service in ("solr", "mlflow", "lake"):
        typer.echo(f"{service}: {trouble(service) or 'answers'}")
    _answer(None, report.verdict)


@app.command()
def bundle(
    out: Annotated[Path | None, typer.Option(help="Where to build it; a temporary folder if left out.")] = None,
    upload: Annotated[bool, typer.Option("--upload", help="Put it in the lake for EMR.")] = False,
) -> None:
    """Build what EMR needs: the package, an entry script, locked requirements, a bootstrap action.

    Example: `reprise bundle --upload`
    """
    import tempfile

    from reprise.bundle import build_bundle, upload_bundle

    with tempfile.TemporaryDirectory() as temporary:
        built = build_bundle(out or Path(temporary))
        if upload:
            from reprise.connections import connection

            typer.echo(upload_bundle(built, connection("lake").uri))
        typer.echo(f"bundle {built.digest}")


def _sandbox_commands() -> None:
    """Attach `reprise sandbox`, where it is installed: EMR's copy of the package comes without it."""
    try:
        from reprise.sandbox.commands import sandbox
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("reprise.sandbox"):
            raise
        return
    app.add_typer(sandbox, name="sandbox")


_sandbox_commands()
app.add_typer(lake, name="lake")
app.add_typer(release, name="release")


# --- one place for answers and exit codes ----------------------------------------------------------------------


def _read(uri: str) -> Any:
    from reprise.plan import read_plan

    return read_plan(uri)


def _answer(verdict_uri: str | None, run: Callable[[], Verdict], *, beside: bool = False) -> None:
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


def exit_code(arguments: list[str]) -> int:
    """Run one command and return its exit code; every error has been printed as one clear line."""
    try:
        result = app(arguments, standalone_mode=False)
    except typer.Exit as stop:
        return int(stop.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("reprise: interrupted", err=True)
        return EXIT_CRASH
    except RepriseError as error:
        typer.echo(f"reprise: {error}", err=True)
        return error.exit_code
    except Exception as error:
        # typer's own usage errors have no public base class; this method is what they share.
        if message := getattr(error, "format_message", None):
            if text := message():  # empty where help was shown instead
                typer.echo(f"reprise: {text} → see `reprise --help`", err=True)
            return EXIT_USAGE
        traceback.print_exc()
        return EXIT_CRASH
    return result if isinstance(result, int) else EXIT_YES


def main() -> None:
    """Entry point of the `reprise` command and of every EMR step."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("httpx", "botocore", "py4j"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    sys.exit(exit_code(sys.argv[1:]))


if __name__ == "__main__":
    main()
