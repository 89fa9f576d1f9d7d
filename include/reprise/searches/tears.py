"""Torn and damaged files never fail the extraction: it reads as if all were whole, and looks closer when that fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from reprise.searches import by_hand, parquet_files, salvage
from reprise.searches.calendar import RawFile
from reprise.searches.cells import cell
from reprise.settings import Logs, Source

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark import RDD
    from pyspark.sql import DataFrame, SparkSession

log = logging.getLogger(__name__)
T = TypeVar("T")

_LINES, _BYTES = 10_000, 8 << 20  # of one batch from Python to Spark, whichever is reached first


def despite(spark: SparkSession, logs: Logs, files: Sequence[RawFile], read: Callable[[Collection[str]], T]) -> T:
    """Return what ``read`` does without torn files; where Spark fails at some, what it does told which they are.

    Only a failure makes every file be looked at, in the executors' Python. One that no file explains is raised.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        return read(())
    except (Py4JJavaError, PySparkException) as error:
        torn = find(spark, logs, files)
        if not torn:
            raise
        log.warning("%d raw files are torn or damaged, first %s: reading what they hold", len(torn), torn[0])
        log.info("Spark said: %s", str(error).splitlines()[0])
    return read(torn)


def find(spark: SparkSession, logs: Logs, files: Iterable[RawFile]) -> list[str]:
    """Return the addresses of those files, in order, that Spark cannot read whole."""
    parquet = {source.name for source in logs.sources if source.format == "parquet"}
    suspects = [(file.uri, file.source in parquet) for file in files]
    suspects = [(uri, columns) for uri, columns in suspects if columns or salvage.packing_of(uri)]
    found = _spread(spark, suspects).filter(lambda one: not _whole(*one)).map(lambda one: one[0]).collect()
    return sorted(found)


def lines(spark: SparkSession, uris: Sequence[str]) -> DataFrame:
    """Return value, file and torn of the lines of files, read in the executors' Python."""
    from pyspark.sql import functions as F

    named = spark.createDataFrame(_spread(spark, [(uri,) for uri in uris]), "file string")
    read = named.mapInArrow(_lines, "content binary, file string, torn boolean")
    return read.select(F.col("content").cast("string").alias("value"), "file", "torn")  # the same bytes, as text


def parquet_rows(spark: SparkSession, source: Source, uris: Sequence[str]) -> DataFrame:
    """Return what ``parquet_columns.rows`` does, read in the executors' Python."""
    from pyspark.sql import functions as F

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        return _parquet_rows(source, batches)

    cells = [(name, "array<string>" if name == "results" else "string") for name in source.paths()]
    columns = ", ".join(f"{cell(source, name)} {kind}" for name, kind in cells)
    named = spark.createDataFrame(_spread(spark, [(uri,) for uri in uris]), "file string")
    found = named.mapInArrow(read, f"file string, torn boolean, readable boolean, utf8 boolean, {columns}")
    return found.withColumn("torn", F.coalesce("torn", F.lit(True)))


def _spread(spark: SparkSession, items: Sequence[tuple[Any, ...]]) -> RDD[Any]:
    cores = spark.sparkContext.defaultParallelism
    return spark.sparkContext.parallelize(items, max(1, min(len(items), 8 * cores)))


def _whole(uri: str, parquet: bool) -> bool:
    return parquet_files.whole(uri) if parquet else salvage.whole(uri)


def _lines(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    def packed(uri: str, mine: list[salvage.Line]) -> pa.RecordBatch:
        contents = pa.array([line.content for line in mine], pa.binary())
        return pa.record_batch(
            {"content": contents, "file": pa.array([uri] * len(mine)), "torn": [line.torn for line in mine]}
        )

    for batch in batches:
        for uri in batch["file"].to_pylist():
            held: list[salvage.Line] = []
            size = 0
            for line in salvage.salvaged(uri):
                held.append(line)
                size += len(line.content)
                if len(held) >= _LINES or size >= _BYTES:
                    yield packed(uri, held)
                    held, size = [], 0
            if held:
                yield packed(uri, held)


def _parquet_rows(source: Source, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    kinds = {cell(source, n): pa.list_(pa.string()) if n == "results" else pa.string() for n in source.paths()}
    marks = {"file": pa.string(), "torn": pa.bool_(), "readable": pa.bool_(), "utf8": pa.bool_()}
    schema = pa.schema(list((marks | kinds).items()))
    for batch in batches:
        for uri in batch["file"].to_pylist():
            held: list[dict[str, object]] = []
            for raw in by_hand.raw_records(source, uri):
                found = {} if raw.record is None else by_hand.cells(source, raw.record)
                torn = raw.record is None
                row = {"file": uri, "torn": torn, "readable": not torn, "utf8": not by_hand.not_utf8(raw.record)}
                held.append(row | {cell(source, name): found.get(name) for name in source.paths()})
                if len(held) >= _LINES:
                    yield pa.RecordBatch.from_pylist(held, schema)
                    held = []
            if held:
                yield pa.RecordBatch.from_pylist(held, schema)
