"""``reprise convert`` and ``reprise score``: models and vectors as plain files, without a deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reprise.errors import UsageError

if TYPE_CHECKING:
    from reprise.solr.convert.files import Export

_Names = Annotated[
    str | None, typer.Option(help="Feature names in the model's order: a file, one a line, or a list with commas.")
]
_SHOWN = 5


def convert(
    model: Annotated[Path, typer.Argument(help="A model's file, or the folder of a saved Spark ML model.")],
    out: Annotated[Path, typer.Option(help="Where to write the Solr model JSON.")],
    kind: Annotated[
        str | None, typer.Option("--format", help="lightgbm, xgboost, spark or ranklib; found out if left out.")
    ] = None,
    names: _Names = None,
    name: Annotated[str | None, typer.Option(help="The Solr model's name.")] = None,
    store: Annotated[str | None, typer.Option(help="The feature store it reads.")] = None,
) -> None:
    """Turn a model of LightGBM, XGBoost, Spark ML or RankLib into a Solr model that scores the same, or say why not.

    Example: `reprise convert model.txt --out model.json --name mine --store mine_features`
    """
    from reprise.solr.convert.files import convert_file, read_names

    if (name is None) != (store is None):
        raise UsageError("a Solr model has a name and a store", "give both --name and --store, or neither")
    export = convert_file(model, kind, read_names(names) if names else None)
    own = {"name": name, "store": store} if name else {}
    out.write_text(json.dumps({**own, **export.model}, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}")
    for line in _remarks(export):
        typer.echo(line)


def score(
    model: Annotated[Path, typer.Option(help="A Solr model JSON (linear or trees).")],
    vectors: Annotated[Path, typer.Option(help="Parquet or CSV, one column per feature; else SVMlight.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the scores; the terminal if left out.")] = None,
    names: Annotated[
        str | None, typer.Option(help="SVMlight: names of 1, 2, …; a file, one a line, or a list with commas.")
    ] = None,
) -> None:
    """Score vectors exactly as Solr would, bit for bit: one row each, as CSV.

    Example: `reprise score --model model.json --vectors vectors.parquet --out scores.csv`
    """
    from reprise.solr.convert.files import read_names
    from reprise.solr.files import score_file

    text = score_file(model, vectors, read_names(names) if names else None)
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        typer.echo(text, nl=False)


def _remarks(export: Export) -> list[str]:
    """Return what has to be known of a converted model: features to add, values that take the other branch."""
    from reprise.solr import TreesExport

    if not isinstance(export, TreesExport):
        entries = [json.dumps(entry) for entry in export.extra_features]
        return [f"its store needs one more feature: {entry}" for entry in entries]
    found = [f"values of {one.feature} in ({one.low!r}, {one.high!r}] go right in Solr" for one in export.inexact]
    more = [f"… and {len(found) - _SHOWN} splits more"] if len(found) > _SHOWN else []
    return [*found[:_SHOWN], *more]
