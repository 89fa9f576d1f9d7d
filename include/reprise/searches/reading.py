"""How the bytes of each format become rows for Spark: one per raw record, its mapped parts as text.

    jsonl, bulk   text lines, parsed by from_json with text leaves, so that no odd type spoils a record
    csv           text lines, in groups of files with the same header line
    parquet       in groups of files whose mapped columns have the same types, cast to text

Downstream nothing knows which of these it was. Files that Spark cannot read by itself (torn ones; names whose
compression Hadoop does not know) are read in the executors' Python; see salvage.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from reprise.searches import parquet_columns, parquet_files, salvage, tears
from reprise.searches.by_hand import header_of
from reprise.searches.cells import JSON_OPTIONS, cell, file_path, hadoop_path, listed
from reprise.searches.rules import ACTION_LINE, misquoted
from reprise.settings import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

#: Hadoop's own zstd needs native libraries, which pip's PySpark has not; this one came with Spark's ORC reader.
ZSTD_CODEC = "io.airlift.compress.zstd.ZstdCodec"
_HEADERS_AT_ONCE = 16


@dataclass(frozen=True)
class Rows:
    """Raw records: ``frame`` has file, torn, readable, utf8 and a column for each path, named by ``cell``.

    ``text`` and ``digest`` are expressions over it: the record as it was logged, and what two copies have in common.
    """

    frame: DataFrame
    text: Column
    digest: Column


def rows(spark: SparkSession, source: Source, uris: Sequence[str], torn: Collection[str] = ()) -> Rows:
    """Return the raw records of these files of a source; ``torn`` are those that Spark cannot read."""
    from pyspark.sql import functions as F

    names = [cell(source, name) for name in source.paths()]
    if source.format == "parquet":
        frame = _parquet(spark, source, uris, torn)
        ours = [F.col(cell(source, name)).alias(name) for name in source.paths()]
        return Rows(frame, F.to_json(F.struct(*ours)), F.xxhash64(*names))
    if source.format == "csv":
        frame = _csv(spark, source, uris, torn)
    else:
        frame = _json(_lines(spark, source, uris, torn), source)
    return Rows(frame, F.col("value"), F.xxhash64("value"))


def schema_of(source: Source) -> StructType:
    """Return the JSON schema of a source's dotted paths: text leaves, and one list."""
    from pyspark.sql.types import ArrayType, StringType, StructField, StructType

    tree: dict[str, Any] = {}
    for name, path in source.paths().items():
        *branches, leaf = path.split(".")
        node = tree
        for key in branches:
            node = node.setdefault(key, {})
        listed = name == "results" and not source.list_separator and "[]" not in path
        node[leaf] = ArrayType(StringType()) if listed else StringType()

    def struct(node: dict[str, Any]) -> StructType:
        return StructType([field(key, value) for key, value in node.items()])

    def field(key: str, value: Any) -> StructField:
        kind = struct(value) if isinstance(value, dict) else value
        many = key.endswith("[]")
        return StructField(key.removesuffix("[]"), ArrayType(kind) if many else kind)

    return struct(tree)


def _lines(spark: SparkSession, source: Source, uris: Sequence[str], torn: Collection[str]) -> DataFrame:
    """Return value, file and torn of every line that may be a record."""
    from pyspark.sql import functions as F

    by_hand = [uri for uri in uris if uri in torn or _unknown_to_hadoop(uri)]
    by_spark = [uri for uri in uris if uri not in set(by_hand)]
    frames = []
    if by_spark:
        codec = {"io.compression.codecs": ZSTD_CODEC} if any(uri.endswith(".zst") for uri in by_spark) else {}
        text = spark.read.options(**codec).text([hadoop_path(uri) for uri in by_spark])
        frames.append(text.select("value", file_path().alias("file"), F.lit(False).alias("torn")))
    if by_hand:
        frames.append(tears.lines(spark, by_hand))
    lines = reduce(lambda one, other: one.unionByName(other), frames)
    lines = lines.filter((F.trim("value") != "") | F.col("torn"))
    if source.format == "bulk":
        lines = lines.filter(~F.col("value").rlike(ACTION_LINE) | F.col("torn"))
    return lines.withColumn("utf8", F.decode(F.col("value").cast("binary"), "UTF-8") == F.col("value"))


def _unknown_to_hadoop(uri: str) -> bool:
    return salvage.packing_of(uri) is not None and not uri.endswith((".gz", ".zst"))


def _json(lines: DataFrame, source: Source) -> DataFrame:
    from pyspark.sql import functions as F
    from pyspark.sql.types import ArrayType

    # Within brackets, whatever follows the object on its line is an error, and a field of an unexpected type is not:
    # it is null, and the record's other fields are there.
    whole = F.when(~F.col("torn"), F.concat(F.lit("["), "value", F.lit("]")))
    parsed = lines.withColumn("r", F.from_json(whole, ArrayType(schema_of(source)), JSON_OPTIONS))
    record = F.when(F.size("r") == 1, F.col("r")[0])  # of a line that is no record nothing is trusted, not even a user
    cells = []
    for name, path in source.paths().items():
        found = record
        for key in path.split("."):
            found = found.getField(key.removesuffix("[]"))
        if name == "results" and source.list_separator and "[]" not in path:
            found = listed(found, source.list_separator)
        cells.append(found.alias(cell(source, name)))
    return parsed.select("value", "file", "torn", "utf8", record.isNotNull().alias("readable"), *cells)


def _csv(spark: SparkSession, source: Source, uris: Sequence[str], torn: Collection[str]) -> DataFrame:
    from pyspark.sql import functions as F

    groups: dict[bytes | None, list[str]] = defaultdict(list)
    for uri, header in ({uri: None for uri in uris} if source.columns else _headers(uris)).items():
        groups[header].append(uri)
    frames = []
    for header, mine in groups.items():
        lines = _lines(spark, source, mine, torn)
        if header is not None:  # again and again, where files with one were joined
            lines = lines.filter((F.col("value").cast("binary") != F.lit(bytearray(header))) | F.col("torn"))
        names = source.columns if header is None else header_of(source, header)
        frames.append(_csv_cells(lines, source, names))
    return reduce(lambda one, other: one.unionByName(other), frames)


def _csv_cells(lines: DataFrame, source: Source, names: Sequence[str]) -> DataFrame:
    from pyspark.sql import functions as F

    # Columns by number: of two of one name the first counts, and letters may differ in case alone.
    options = {"sep": source.delimiter, "quote": '"', "escape": '"', "columnNameOfCorruptRecord": "corrupt"}
    schema = ", ".join(f"c{number} string" for number in range(len(names)))
    value = F.col("value")
    pairs = F.length(F.regexp_replace(value, '[^"]', "")) % 2 == 0
    misplaced = F.regexp_replace(value, '""', "").rlike(misquoted(source.delimiter))
    good = ~F.col("torn") & (~value.contains('"') | (pairs & ~misplaced))
    parsed = lines.withColumn("r", F.from_csv(F.when(good, value), f"{schema}, corrupt string", options))
    cells = []
    for name, path in source.paths().items():
        kind = "array<string>" if name == "results" else "string"
        found = F.col(f"r.c{names.index(path)}") if path in names else F.lit(None).cast("string")
        if name == "results":
            found = listed(found, source.list_separator or "|")
        if name == "query" and path in names:  # CSV has no missing text, and a blank query is a search for nothing
            found = F.when(F.col("r").isNotNull(), F.coalesce(found, F.lit("")))
        cells.append(found.cast(kind).alias(cell(source, name)))
    readable = F.col("r").isNotNull() & F.col("r.corrupt").isNull()
    # A line with too few or too many cells is shifted: none of them can be trusted.
    parsed = parsed.withColumn("r", F.when(readable, F.col("r")))
    return parsed.select("value", "file", "torn", "utf8", F.col("r").isNotNull().alias("readable"), *cells)


def _headers(uris: Iterable[str]) -> dict[str, bytes | None]:
    """Return address → first line of every file; None where there is none."""

    def header(uri: str) -> bytes | None:
        return next((line.content for line in salvage.lines(uri) if line.content.strip(b" ") and not line.torn), None)

    named = list(uris)
    with ThreadPoolExecutor(_HEADERS_AT_ONCE) as pool:
        return dict(zip(named, pool.map(header, named), strict=True))


def _parquet(spark: SparkSession, source: Source, uris: Sequence[str], torn: Collection[str]) -> DataFrame:
    found = parquet_files.leaves_of_files([uri for uri in uris if uri not in torn], source.paths())
    groups: dict[tuple[object, ...], tuple[Mapping[str, parquet_files.Leaf], list[str]]] = {}
    by_hand = [uri for uri in uris if uri in torn]
    for uri, leaves in found.items():
        if not leaves:  # no footer, or nothing of ours in it
            by_hand.append(uri)
            continue
        kind = tuple((name, leaf.steps, str(leaf.type), leaf.instant) for name, leaf in sorted(leaves.items()))
        groups.setdefault(kind, (leaves, []))[1].append(uri)
    frames = [parquet_columns.rows(spark, source, leaves, mine) for leaves, mine in groups.values()]
    if by_hand:
        frames.append(tears.parquet_rows(spark, source, by_hand))
    return reduce(lambda one, other: one.unionByName(other), frames)
