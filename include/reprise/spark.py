"""The Spark session that every stage asks for; cluster, master and S3 belong to spark-submit, not to us."""

from __future__ import annotations

from collections.abc import Mapping
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
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")  # else INT96, which loses the time zone
        .getOrCreate()
    )


def size_shuffles(spark: SparkSession, rows: int) -> None:
    """Let shuffles have as many partitions as this many rows ask for, and no fewer than there are cores.

    Spark's own default, 200, costs a small job more than its work.
    """
    partitions = max(spark.sparkContext.defaultParallelism, rows // ROWS_PER_PARTITION)
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))


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
    rows = ordered.sparkSession.read.schema(ordered.schema).parquet(address).count()
    return lake.publish(attempt, rows, inputs, facts, replaces)
