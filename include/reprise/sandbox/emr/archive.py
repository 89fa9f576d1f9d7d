"""Spark's classes as the JVM maps them into memory: a step starts with a third less work.

Class-data sharing (JEP 350): a base archive of the Java runtime, and on it the classes that one small Spark job
loaded. The JVM checks both against its class path and goes on without them where they do not fit, so an archive is
never needed and never wrong. This is the sandbox's alone; EMR starts as it starts.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from reprise.sandbox.emr.image import Image, java_home

# What stages do on Spark: read JSON, aggregate, join, window, write and read Parquet; and S3's classes, unused.
_JOB = """
import sys
from pyspark.sql import SparkSession, Window, functions as F
spark = SparkSession.builder.getOrCreate()
where = sys.argv[1]
rows = spark.range(2000).select((F.col("id") % 9).alias("k"), F.col("id").cast("double").alias("x"))
rows.write.mode("overwrite").json(where + "/json")
read = spark.read.json(where + "/json")
ranked = read.withColumn("n", F.row_number().over(Window.partitionBy("k").orderBy("x")))
ranked.join(read.groupBy("k").agg(F.sum("x").alias("s")), "k").write.mode("overwrite").parquet(where + "/parquet")
spark.read.parquet(where + "/parquet").groupBy("k").count().collect()
try:
    spark._jvm.java.lang.Class.forName("org.apache.hadoop.fs.s3a.S3AFileSystem")
    spark._jvm.java.lang.Class.forName("com.amazonaws.services.s3.AmazonS3Client")
except Exception:
    pass
"""


def build_class_archive(image: Image) -> bool:
    """Make the image's class archive unless it is there; return whether there is one now. About 20 s, 150 MB.

    A failure leaves no archive, and steps start as they do without.
    """
    if image.class_archive:
        return True
    folder = image.classes
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        base = folder / "base.jsa"
        java = [str(java_home() / "bin" / "java"), "-Xshare:dump", f"-XX:SharedArchiveFile={base}"]
        subprocess.run(java, check=True, capture_output=True, timeout=120)
        _record(image, base, folder / "spark.part")
        (folder / "spark.part").rename(folder / "spark.jsa")  # its presence means that both are whole
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(folder, ignore_errors=True)
    return bool(image.class_archive)


def _record(image: Image, base: Path, archive: Path) -> None:
    """Run the small job as a step of a cluster that exists for it alone, and keep the classes it loaded."""
    image.install()
    with tempfile.TemporaryDirectory() as temporary:
        cluster = Path(temporary)
        image.prepare(cluster, [])
        (cluster / "tmp").mkdir()
        (cluster / "job.py").write_text(_JOB, encoding="utf-8")
        environment = image.environment(cluster, cluster, "class-archive")
        environment["SPARK_SUBMIT_OPTS"] += f" -XX:SharedArchiveFile={base} -XX:ArchiveClassesAtExit={archive}"
        python = f"spark.pyspark.python={image.folder / 'bin' / 'python3.11'}"
        command = image.command(["--conf", python, str(cluster / "job.py"), str(cluster / "data")], cluster)
        subprocess.run(command, env=environment, cwd=cluster, check=True, capture_output=True, timeout=300)
