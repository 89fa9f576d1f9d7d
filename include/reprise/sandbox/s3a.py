"""What plain Spark 3.5 must be told so that ``s3://`` works as it does on EMR."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reprise.sandbox.emr.image import SHORT_LIVED, java_home
from reprise.sandbox.home import Home
from reprise.sandbox.jars import fetch_jars, jar_paths

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def s3a_conf(endpoint: str, jars: Path | None = None) -> dict[str, str]:
    """Return Spark settings for S3 at ``endpoint``; credentials are the process's own ``AWS_*`` variables."""
    return {
        "spark.driver.extraClassPath": ":".join(map(str, jar_paths("s3a", jars))),
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
    }


def start_local_spark(home: Home, cores: int) -> SparkSession:
    """Return a new session in this process: UTC, no UI, two shuffle partitions, S3 of this home.

    Sets ``JAVA_HOME`` and ``PYSPARK_PYTHON``, which Spark reads from the environment alone.
    """
    from pyspark.sql import SparkSession

    fetch_jars(["s3a"])
    os.environ["JAVA_HOME"] = str(java_home())
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    settings = {
        **s3a_conf(home.url("s3")),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": SHORT_LIVED,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.warehouse.dir": str(home.folder("spark-warehouse")),
    }
    builder = SparkSession.builder.master(f"local[{cores}]").appName("reprise")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
