"""Vectors as plain files, also such as Reprise did not make, scored by a Solr model."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise.errors import MissingDataError, UsageError
from reprise.solr.convert import INTERCEPT
from reprise.solr.convert.files import convert_file, read_text
from reprise.solr.score import feature_names, score

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBERED = re.compile(r"f(\d+)")


def score_file(model: Path, vectors: Path, names: Sequence[str] | None = None) -> str:
    """Return CSV: the columns the model does not use (such as ids), as they are, and ``score``, Solr's, last.

    ``vectors`` is Parquet or CSV with one column per feature and one row per document; or SVMlight, where ``names`` are
    those of 1, 2, … (f1, f2, … if left out) and what a row leaves out is 0. A model's ``intercept`` is 1 where the
    vectors have no such column.
    """
    solr_model = _model(model)
    used = feature_names(solr_model)
    if vectors.suffix in (".parquet", ".csv"):
        return _written(*_from_table(solr_model, used, vectors))
    matrix = _svmlight(vectors, used, names)
    return _written({}, score(solr_model, matrix, used))


def _from_table(
    model: dict[str, Any], used: Sequence[str], path: Path
) -> tuple[dict[str, list[Any]], npt.NDArray[np.float32]]:
    table = _table(path)
    there = [name for name in used if name in table.column_names]
    lacking = sorted(set(used) - set(there) - {INTERCEPT})
    if lacking:
        raise UsageError(f"{path} lacks the model's features {lacking}", "add these columns")
    columns = {name: _column(table, name, path) for name in there}
    ones = np.ones(table.num_rows, np.float32)
    matrix = np.stack([columns.get(name, ones) for name in used], axis=1)
    kept = {name: table.column(name).to_pylist() for name in table.column_names if name not in used}
    return kept, score(model, matrix, used)


def _svmlight(path: Path, used: Sequence[str], names: Sequence[str] | None) -> npt.NDArray[np.float32]:
    from sklearn.datasets import load_svmlight_file

    numbers = {INTERCEPT: -1, **({name: number for number, name in enumerate(names, 1)} if names else {})}
    for name in used:
        if names is None and (match := _NUMBERED.fullmatch(name)):
            numbers[name] = int(match[1])
    if lacking := [name for name in used if name not in numbers]:
        raise UsageError(f"which numbers in {path} are the features {lacking}?", "give --names, those of 1, 2, …")
    if not path.is_file():
        raise MissingDataError(f"there is no file {path}", "correct the path")
    try:
        sparse, *_ = load_svmlight_file(str(path), zero_based=True)
    except (ValueError, UnicodeDecodeError) as error:
        remedy = "write `0 1:0.5 2:0.25`, a line for a row, or give Parquet or CSV by that ending"
        raise UsageError(f"{path} is no SVMlight file: {error}", remedy) from None
    columns = sparse.tocsc()
    found = np.zeros((sparse.shape[0], len(used)), np.float32)
    for column, name in enumerate(used):
        if numbers[name] == -1:
            found[:, column] = 1
        elif numbers[name] < sparse.shape[1]:
            found[:, column] = columns[:, numbers[name]].toarray()[:, 0]
    return found


def _written(kept: dict[str, list[Any]], scores: npt.NDArray[np.float32]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*kept, "score"])
    writer.writerows(zip(*kept.values(), map(str, scores), strict=True))
    return text.getvalue()


def solr_model(path: Path, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the Solr model of a file: Solr's own JSON as it is, any other converted, with ``names`` if given."""
    text = "" if path.is_dir() else read_text(path, "a Solr model JSON, or a model that `reprise convert` takes")
    try:
        own = isinstance(json.loads(text), dict) and {"class", "params"} <= set(json.loads(text))
    except (ValueError, RecursionError):
        own = False
    return _model(path) if own else convert_file(path, None, names).model


def _model(path: Path) -> dict[str, Any]:
    try:
        model = json.loads(read_text(path, "a Solr model JSON"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path} is not JSON: {error}", "give a Solr model JSON") from None
    if not isinstance(model, dict):
        raise UsageError(f"{path} holds no single model", "give one Solr model, a JSON object")
    return model


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


def _column(table: pa.Table, name: str, path: Path) -> npt.NDArray[np.float32]:
    column = table.column(name)
    if column.null_count:
        raise UsageError(f"{path}: {name!r} has {column.null_count} empty values", "fill them: Solr reads 0 for absent")
    try:
        return column.to_numpy().astype(np.float32)
    except (TypeError, ValueError):
        raise UsageError(f"{path}: {name!r} is not numeric", "give numbers") from None
