"""Models and vectors as plain files, also such as Reprise did not make: what `convert` and `score` read and write."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import MissingDataError, UsageError
from reprise.solr.convert import convert_lightgbm
from reprise.solr.score import feature_names, score

if TYPE_CHECKING:
    import pyarrow as pa


def convert_file(model: Path, name: str, store: str, out: Path) -> None:
    """Write the Solr model JSON of a LightGBM text model, ready to be put into Solr's model store."""
    export = convert_lightgbm(_text(model))
    out.write_text(json.dumps({"name": name, "store": store, **export.model}, indent=1) + "\n", encoding="utf-8")


def score_file(model: Path, vectors: Path) -> str:
    """Return CSV: the columns the model does not use (such as ids), as they are, and ``score``, Solr's, last.

    ``vectors`` is Parquet or CSV with one column per feature and one row per document.
    """
    solr_model = _model(model)
    used = feature_names(solr_model)
    table = _table(vectors)
    if missing := [name for name in used if name not in table.column_names]:
        raise UsageError(f"{vectors} lacks the model's features {missing}", "add these columns")
    matrix = np.stack([_column(table, name, vectors) for name in used], axis=1)
    kept = [name for name in table.column_names if name not in used]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*kept, "score"])
    columns = [table.column(name).to_pylist() for name in kept]
    writer.writerows(zip(*columns, map(str, score(solr_model, matrix, used)), strict=True))
    return text.getvalue()


def _model(path: Path) -> dict[str, Any]:
    try:
        model = json.loads(_text(path))
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}", "give a Solr model JSON") from None
    if not isinstance(model, dict):
        raise UsageError(f"{path} holds no single model", "give one Solr model, a JSON object")
    return model


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingDataError(f"there is no file {path}", "correct the path") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text", "give a LightGBM text model or a Solr model JSON") from None


def _table(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        return pyarrow.csv.read_csv(path) if path.suffix == ".csv" else pyarrow.parquet.read_table(path)
    except FileNotFoundError:
        raise MissingDataError(f"there is no file {path}", "correct the path") from None
    except pa.ArrowInvalid as error:
        raise UsageError(f"{path} cannot be read: {error}", "give Parquet, or CSV in a file named .csv") from None


def _column(table: pa.Table, name: str, path: Path) -> np.ndarray[Any, np.dtype[np.float32]]:
    column = table.column(name)
    if column.null_count:
        raise UsageError(f"{path}: {name!r} has {column.null_count} empty values", "fill them: Solr reads 0 for absent")
    try:
        return column.to_numpy().astype(np.float32)
    except (TypeError, ValueError):
        raise UsageError(f"{path}: {name!r} is not numeric", "give numbers") from None
