"""The whole way on real parts: bundle in S3, bootstrap action, spark-submit, logs in S3."""

from __future__ import annotations

import gzip
import json

import psutil
import pytest

from builders.emr_server import (
    EmrServer,
    all_gone,
    spark_step,
    start_cluster,
    step_named,
    wait_for_cluster,
    wait_for_steps,
    wait_until,
)
from reprise.bundle import ENTRY, PYTHON, build_bundle, upload_bundle
from reprise.sandbox.emr.runner import MARK
from reprise.sandbox.jars import link_jars

pytestmark = [pytest.mark.spark, pytest.mark.s3]

APPLICATION = """
import importlib.util, json, os, sys
from pyspark.sql import SparkSession
from reprise.objects import ObjectStore

spark = SparkSession.builder.getOrCreate()
where, what = sys.argv[1:]
if what == "fail":
    raise ValueError("the window is empty → choose another")
if what == "wait":
    spark.range(2).rdd.foreach(lambda _: __import__("time").sleep(300))
spark.range(1000).selectExpr("id % 7 as k").groupBy("k").count().write.parquet(f"{where}/counts")
total = spark.read.parquet(f"{where}/counts").groupBy().sum("count").first()[0]
there = {name: importlib.util.find_spec(name) is not None for name in ("reprise.cli", "reprise.sandbox", "airflow")}
seen = {"total": total, "there": there, "python": sys.executable, "master": spark.sparkContext.master}
ObjectStore(where).put("seen.json", json.dumps(seen).encode())
"""


@pytest.fixture(scope="module")
def server(s3, tmp_path_factory):
    folder = tmp_path_factory.mktemp("emr")
    link_jars("s3a", folder / "jars")
    server = EmrServer(folder, quick=False, jars=folder / "jars", grace_s=5.0)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def bucket(s3, new_bucket):
    bucket = new_bucket()
    s3.put_object(Bucket=bucket, Key="app.py", Body=APPLICATION.encode())
    return bucket


@pytest.fixture(scope="module")
def cluster(server, bucket, tmp_path_factory):
    """A cluster with the bundle's environment on it, taken from S3 by the bundle's own bootstrap action."""
    address = upload_bundle(build_bundle(tmp_path_factory.mktemp("bundle")), f"s3://{bucket}")
    action = {"Path": f"{address}/bootstrap.sh", "Args": [address]}
    conf = {"Classification": "spark-defaults", "Properties": {"spark.pyspark.python": PYTHON}}
    cluster = start_cluster(
        server.client(),
        BootstrapActions=[{"Name": "environment", "ScriptBootstrapAction": action}],
        Configurations=[conf],
        LogUri=f"s3://{bucket}/logs",
    )
    status = wait_for_cluster(server.client(), cluster, "WAITING", "TERMINATED_WITH_ERRORS", timeout_s=180)
    assert status["State"] == "WAITING", status
    return cluster


def add(server, cluster, name: str, *application: str) -> None:
    server.client().add_job_flow_steps(JobFlowId=cluster, Steps=[spark_step(name, *application)])


def test_a_step_works_on_s3_in_the_bundles_environment(server, cluster, bucket, s3):
    add(server, cluster, "good", "--driver-memory", "8g", f"s3://{bucket}/app.py", f"s3://{bucket}/good", "run")
    wait_for_steps(server.client(), cluster, timeout_s=120, good="COMPLETED")

    seen = json.loads(s3.get_object(Bucket=bucket, Key="good/seen.json")["Body"].read())

    assert seen["total"] == 1000
    assert seen["there"] == {"reprise.cli": True, "reprise.sandbox": False, "airflow": False}
    assert seen["python"] == str(server.home / "clusters" / cluster / "home" / "reprise-env" / "bin" / "python")
    assert seen["master"].startswith("local[")


def test_a_failing_step_names_its_cause_and_its_log(server, cluster, bucket, s3):
    add(server, cluster, "bad", f"s3://{bucket}/app.py", f"s3://{bucket}/bad", "fail")
    wait_for_steps(server.client(), cluster, timeout_s=120, bad="FAILED")

    step = step_named(server.client(), cluster, "bad")
    details = step["Status"]["FailureDetails"]
    key = details["LogFile"].removeprefix(f"s3://{bucket}/")

    assert details["Message"] == "ValueError: the window is empty → choose another"
    assert key == f"logs/{cluster}/steps/{step['Id']}/stdout.gz"
    assert "Traceback" in gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode()


def test_the_entry_script_is_reprises_command_line(server, cluster):
    """It starts no Spark, so it also shows that a stage with nothing to do costs little; 64 is wrong use."""
    add(server, cluster, "help", ENTRY, "extract", "--help")
    add(server, cluster, "wrong", ENTRY, "extract", "--no-such-option")
    wait_for_steps(server.client(), cluster, timeout_s=120, help="COMPLETED", wrong="FAILED")

    controller = server.home / "clusters" / cluster / "steps" / step_named(server.client(), cluster, "wrong")["Id"]

    assert "ended with exit code 64" in (controller / "controller").read_text()


def test_cancelling_ends_java_and_pythons_workers(server, cluster, bucket):
    """PySpark's worker daemon makes a process group of its own; it ends with the step nevertheless."""
    add(server, cluster, "long", f"s3://{bucket}/app.py", f"s3://{bucket}/long", "wait")
    wait_until(lambda: len(tree(cluster)) >= 5, timeout_s=120)  # submit, driver, daemon and two workers at work
    running = tree(cluster)
    step = step_named(server.client(), cluster, "long")["Id"]

    server.client().cancel_steps(ClusterId=cluster, StepIds=[step])
    wait_for_steps(server.client(), cluster, long="CANCELLED")

    assert all_gone(running)


def tree(cluster: str) -> list[int]:
    """Return the processes of a cluster, by the mark they carry."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK, "").startswith(f"{cluster}/"):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found
