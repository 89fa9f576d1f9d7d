"""Spark's class archive: made once, really used, and never in the way."""

from __future__ import annotations

import subprocess

import pytest

from reprise.sandbox.emr.archive import build_class_archive
from reprise.sandbox.emr.image import Image

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return Image(tmp_path_factory.mktemp("image") / "image")


def test_a_step_takes_its_classes_from_the_archive(image, tmp_path):
    """With ``-Xshare:on`` the JVM would not start if the archive did not fit its class path."""
    assert build_class_archive(image)
    (tmp_path / "app.py").write_text("from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate()\n")
    (tmp_path / "tmp").mkdir()
    image.prepare(tmp_path, [])
    environment = image.environment(tmp_path, tmp_path, "class-archive-test")
    environment["SPARK_SUBMIT_OPTS"] += f" -Xshare:on -Xlog:class+load:file={tmp_path / 'loaded'}"
    command = image.command(["--conf", "spark.pyspark.python=python3.11", str(tmp_path / "app.py")], tmp_path)

    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    loaded = [
        line.split("source: ")[1] for line in (tmp_path / "loaded").read_text().splitlines() if " org.apache." in line
    ]
    shared = sum(source.startswith("shared objects file") for source in loaded)
    from_jars = sum(source.startswith(("file:", "jar:")) for source in loaded)
    assert shared > 500
    assert from_jars < 0.1 * shared


def test_a_second_call_has_nothing_to_do(image):
    before = (image.classes / "spark.jsa").stat().st_mtime_ns

    assert build_class_archive(image)
    assert before == (image.classes / "spark.jsa").stat().st_mtime_ns


def test_where_it_cannot_be_made_steps_start_without(tmp_path):
    image = Image(tmp_path / "image", spark_submit=tmp_path / "nowhere")

    assert not build_class_archive(image)
    assert image.class_archive == ""
    assert not image.classes.exists()
