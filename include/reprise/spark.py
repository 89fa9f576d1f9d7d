"""The Spark session that every stage asks for; cluster, master and S3 belong to spark-submit, not to us."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def session(stage: str) -> SparkSession:
    """Return the running session, or start one; times are UTC everywhere."""
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.appName(f"reprise-{stage}")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .getOrCreate()
    )
