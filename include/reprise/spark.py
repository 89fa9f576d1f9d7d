"""The Spark session that every stage asks for; cluster, master and S3 belong to spark-submit, not to us."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reprise import tables

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from reprise.lake import Lake, Manifest


ROWS_PER_PARTITION = 250_000


def session(stage: str) -> SparkSession:
    """Return the running session, or start one; times are UTC everywhere."""
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.appName(f"reprise-{stage}")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.serializer", "org.apache.spark.serializer.KryoSerializer")  # checkpoints use it
        .config("spark.checkpoint.compress", "true")  # a quarter of the room, and no slower
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")  # else INT96, which loses the time zone
        .getOrCreate()
    )


@contextmanager
def scratch(spark: SparkSession, purpose: str) -> Iterator[str]:
    """Give the path of a folder on the cluster's default file system (HDFS on EMR), which goes at the end.

    Of a job that is killed it goes with the cluster; on one machine, with the step's own temporary folder.
    """
    hadoop = spark.sparkContext._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
    configuration = spark.sparkContext._jsc.hadoopConfiguration()
    default = hadoop.FileSystem.get(configuration)
    temporary = tempfile.gettempdir() if default.getScheme() == "file" else "/tmp"
    folder = f"{temporary}/reprise-{purpose}-{uuid.uuid4().hex}"
    try:
        yield folder
    finally:
        default.delete(hadoop.Path(folder), True)


def size_shuffles(spark: SparkSession, rows: int) -> None:
    """Let shuffles have as many partitions as this many rows ask for, and no fewer than there are cores.

    Spark's own default, 200, costs a small job more than its work.
    """
    partitions = max(spark.sparkContext.defaultParallelism, rows // ROWS_PER_PARTITION)
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))


def read_table(spark: SparkSession, schema: pa.Schema, files: Sequence[str]) -> DataFrame:
    """Return a table's rows in these files, with its schema even where there are none."""
    from pyspark.sql.pandas.types import from_arrow_schema

    kind = from_arrow_schema(schema)
    return spark.read.schema(kind).parquet(*files) if files else spark.createDataFrame([], kind)


def as_table(frame: DataFrame, schema: pa.Schema) -> DataFrame:
    """Return the frame's columns of a table, in its order and of its types."""
    from pyspark.sql import functions as f
    from pyspark.sql.pandas.types import from_arrow_type

    return frame.select(*(f.col(field.name).cast(from_arrow_type(field.type)).alias(field.name) for field in schema))


def fingerprint(spark: SparkSession, schema: pa.Schema, files: Sequence[str]) -> tuple[int, ...]:
    """Return the fingerprint of a table's rows in these files."""
    return fingerprint_of(as_table(read_table(spark, schema, files), schema))


def fingerprint_of(rows: DataFrame) -> tuple[int, ...]:
    """Return numbers that are the same for the same rows, in whatever order and files.

    Floats count to six decimals: a sum's last bits depend on the order of its parts.
    """
    from pyspark.sql import functions as f

    floating = {name for name, kind in rows.dtypes if kind in ("float", "double")}
    values = (f.round(f.col(name), 6) + 0.0 if name in floating else f.col(name) for name in rows.columns)
    row = f.xxhash64(*values).cast("decimal(38,0)")
    summed = rows.agg(f.sum(row), f.sum(f.pmod(row * row, f.lit(10**9 + 7)))).first()
    return tuple(int(value or 0) for value in summed or ())


def write_table(
    lake: Lake,
    table: str,
    version: str,
    partition: str,
    frame: DataFrame,
    schema: pa.Schema,
    inputs: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
    replaces: Manifest | None = None,
    files: int = 1,
) -> Manifest:
    """Write a frame's columns of ``schema`` as one partition of a table, publish it, and return its manifest.

    A column that is missing or of another type is an error before anything is written.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    ordered = frame.select(*(name for name in schema.names if name in frame.columns))
    tables.check(table, to_arrow_schema(ordered.schema), schema)
    attempt = lake.attempt(table, version, partition)
    address = lake.attempt_uri(attempt)
    ordered.repartition(files).write.parquet(address)
    written = lake.written_by(attempt)
    rows = sum(map(lake.count_rows, written))
    return lake.publish(attempt, rows, inputs, facts, replaces, written=written)
