"""What Spark's readings of all formats have in common: where cells are, how files are named, lists as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reprise.settings import Source

if TYPE_CHECKING:
    from pyspark.sql import Column

#: What JSON is, no more and no less.
JSON_OPTIONS = {"mode": "PERMISSIVE", "allowSingleQuotes": "false", "allowNonNumericNumbers": "false"}


def cell(source: Source, name: str) -> str:
    """Return the column that holds what a source has for one of our names, or for a path that a condition names."""
    return f"cell_{list(source.paths()).index(name)}"


def hadoop_path(uri: str) -> str:
    """Return a raw file's address for Spark, which expands globs in paths; here a name is meant literally."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", uri)


def file_path() -> Column:
    """Return the address of a row's file, as it is spelled in listings."""
    from pyspark.sql import functions as F

    path = F.col("_metadata.file_path")
    return F.when(path.contains("%"), F.url_decode(F.regexp_replace(path, r"\+", "%2B"))).otherwise(path)


def listed(text: Column, separator: str) -> Column:
    """Return the list that a text holds: JSON, or values joined by the separator."""
    from pyspark.sql import functions as F

    parts = F.transform(F.split(text, re.escape(separator)), F.trim)
    return F.when(text.startswith("["), F.from_json(text, "array<string>", JSON_OPTIONS)).when(
        F.trim(text) != "", parts
    )
