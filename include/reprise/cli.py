"""The command line: one command per stage, and what surrounds them.

Exit codes, from one place: 0 done or yes, 1 no, 2 cannot tell, 64 wrong use or bad input, 70 crash.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from reprise.answers import answer
from reprise.errors import EXIT_CRASH, EXIT_USAGE, EXIT_YES, RepriseError, UsageError
from reprise.experts.commands import grades
from reprise.experts.golden_commands import golden
from reprise.explain_commands import explain
from reprise.gate_commands import gate
from reprise.lake_commands import lake
from reprise.model_commands import convert, score
from reprise.release_commands import release
from reprise.stage_commands import (
    behaviour,
    evaluate,
    extract,
    featurize,
    judge,
    publish,
    select,
    skew,
    train,
    tune,
)

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown"
)


@app.callback()
def _root() -> None:
    """Turn a search engine's own logs into a better ranking, again and again."""


for stage in (extract, judge, featurize, skew, select, tune, train, evaluate, gate, explain, behaviour, publish):
    app.command()(stage)
for plain in (convert, score):
    app.command()(plain)


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
        answer(None, lambda: verdict(found), beside=True)
    from reprise.connections import trouble
    from reprise.features.catalogue import request_parameters, store_entries
    from reprise.searches.check import check as run
    from reprise.settings import load_deployment

    known = load_deployment(str(deployment))
    request_parameters(known.solr, store_entries(known.solr), {})  # a feature that cannot be served is named
    report = run(known)
    report.print()
    for service in ("solr", "mlflow", "lake"):
        typer.echo(f"{service}: {trouble(service) or 'answers'}")
    answer(None, report.verdict)


@app.command()
def features(
    deployment: Annotated[str, typer.Argument(help="A deployment's name or folder.")],
    store: Annotated[bool, typer.Option("--store", help="Print Solr's feature store (JSON) instead.")] = False,
) -> None:
    """Print a deployment's features, and what the application has to send for them, as Markdown.

    Example: `reprise features demo`
    """
    from reprise.features.catalogue import store_entries
    from reprise.features.described import markdown
    from reprise.settings import load_deployment

    solr = load_deployment(deployment).solr
    typer.echo(json.dumps(store_entries(solr), indent=1, ensure_ascii=False) if store else markdown(solr))


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
app.add_typer(golden, name="golden")
app.add_typer(golden, name="golden")
app.add_typer(grades, name="grades")
app.add_typer(lake, name="lake")
app.add_typer(release, name="release")


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
