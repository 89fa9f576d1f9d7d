"""A model's file or folder, of whatever library: its format is told by its content, not by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from reprise.errors import MissingDataError, UsageError
from reprise.solr.convert.lightgbm import convert_lightgbm
from reprise.solr.convert.linear import LinearExport
from reprise.solr.convert.ranklib import convert_ranklib
from reprise.solr.convert.spark_ml import convert_spark
from reprise.solr.convert.trees import TreesExport
from reprise.solr.convert.xgboost import convert_xgboost
from reprise.solr.score import check_model

Export = TreesExport | LinearExport
_TEXTS: dict[str, Callable[[str, Sequence[str] | None], Export]] = {
    "lightgbm": convert_lightgbm,
    "xgboost": convert_xgboost,
    "ranklib": convert_ranklib,
}
FORMATS = (*_TEXTS, "spark")
_ASK = f"give --format, one of {', '.join(FORMATS)}"


def convert_file(model: Path, kind: str | None = None, names: Sequence[str] | None = None) -> Export:
    """Return the Solr model of a file, or of Spark's folder, checked; ``kind``: one of FORMATS, else found out."""
    if kind not in (None, *FORMATS):
        raise UsageError(f"there is no format {kind!r}", _ASK)
    if not model.exists():
        raise MissingDataError(f"there is no file {model}", "correct the path")
    if kind == "spark" or (kind is None and model.is_dir()):
        export = convert_spark(model, names)
    elif model.is_dir():
        raise UsageError(f"{model} is a folder, and {kind} saves a file", "give the file, or leave --format out")
    else:
        text = read_text(model, "a model saved as text or JSON (of XGBoost: save_model('model.json'))")
        export = _TEXTS[kind or format_of(text, model)](text, names)
    check_model(export.model)
    return export


def format_of(text: str, path: Path) -> str:
    """Return which library wrote a text: what it begins with, or the keys of its JSON; neither: UsageError."""
    start = text.lstrip()
    if start.startswith("{"):
        return _format_of_json(text, path)
    if start.startswith("tree\n") or start.startswith("tree\r\n"):
        return "lightgbm"
    if start.startswith(("##", "<ensemble")):
        return "ranklib"
    raise UsageError(f"{path} is no model of {', '.join(FORMATS)}: it begins with {start[:30]!r}", _ASK)


def _format_of_json(text: str, path: Path) -> str:
    try:
        keys = set(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", "save the model anew") from None
    if "learner" in keys:
        return "xgboost"
    if "tree_info" in keys:
        return "lightgbm"
    if "params" in keys:
        raise UsageError(f"{path} looks like a Solr model already", "put it into Solr's model store as it is")
    raise UsageError(f"{path} is JSON, but no model: its keys are {sorted(keys)[:5]}", _ASK)


def read_text(path: Path, wanted: str) -> str:
    """Return a file's text; one that is not there, or no text, is an error that says what is wanted."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise MissingDataError(f"there is no file {path}", "correct the path") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise UsageError(f"{path} is not text", f"give {wanted}") from None


def read_names(text: str) -> list[str]:
    """Return feature names from a file with one a line, or from a list with commas."""
    path = Path(text)
    found = read_text(path, "one name a line").splitlines() if path.is_file() else text.split(",")
    names = [name.strip() for name in found if name.strip()]
    if not names:
        raise UsageError(f"{text!r} holds no feature names", "give one a line, or a list with commas")
    return names
