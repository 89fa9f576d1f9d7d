"""A spark-submit command differs from EMR in four ways, and in no fifth."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.sandbox.emr import submit

HOME = Path("/srv/clusters/j-1/home")
DOCS = Path(__file__).parents[2] / "docs" / "sandbox-emr.md"


def rewritten(*args: str) -> list[str]:
    return submit.rewrite(args, cores=2, memory="2g", home=HOME)


@pytest.mark.parametrize(
    ("given_args", "expected"),
    [
        (["--deploy-mode", "cluster", "app.py"], ["app.py"]),
        (["--deploy-mode=cluster", "app.py"], ["app.py"]),
        (["--conf", "spark.submit.deployMode=cluster", "app.py"], ["app.py"]),
        (["--master", "yarn", "app.py"], ["--master", "local[2]", "app.py"]),
        (["--master=yarn", "app.py"], ["--master", "local[2]", "app.py"]),
        (["--conf", "spark.master=yarn", "app.py"], ["--master", "local[2]", "app.py"]),
        (["--master", "local[4]", "app.py"], ["--master", "local[4]", "app.py"]),
        (["--driver-memory", "8g", "app.py"], ["--driver-memory", "2g", "app.py"]),
        (["--executor-memory", "3000m", "app.py"], ["--executor-memory", "2g", "app.py"]),
        (["--executor-memory", "3000", "app.py"], ["--executor-memory", "2g", "app.py"]),
        (["--driver-memory", "1g", "app.py"], ["--driver-memory", "1g", "app.py"]),
        (["--conf", "spark.executor.memory=4g", "app.py"], ["--executor-memory", "2g", "app.py"]),
        (["/home/hadoop/reprise/step.py", "/home/hadoop"], [f"{HOME}/reprise/step.py", str(HOME)]),
        (["--py-files", "/home/hadoop/a.zip,/home/hadoop/b.zip"], ["--py-files", f"{HOME}/a.zip,{HOME}/b.zip"]),
        (["--conf", "spark.pyspark.python=/home/hadoop/e/bin/python"], None),
    ],
)
def test_each_of_the_four(given_args, expected):
    expected = expected or ["--conf", f"spark.pyspark.python={HOME}/e/bin/python"]

    assert expected == rewritten(*given_args)


def test_what_is_the_applications_stays_as_it_is():
    own = ["extract", "--master", "yarn", "--deploy-mode", "cluster", "--driver-memory", "8g"]

    assert ["app.py", *own] == rewritten("app.py", *own)


def test_other_places_that_end_in_the_homes_name_stay():
    own = ["s3://bucket/home/hadoop/x", "/home/hadoop2/x", "/mnt/home/hadoop-x"]

    assert ["app.py", *own] == rewritten("app.py", *own)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
options = st.tuples(
    st.sampled_from(["--name", "--conf", "--num-executors", "--files"]),
    words.filter(lambda word: not word.startswith(("spark.", " "))),
)


@given(st.lists(options), st.booleans(), st.lists(words))
def test_nothing_else_is_touched(pairs, verbose, own):
    command = [word for pair in pairs for word in pair] + ["--verbose"] * verbose + ["app.py", *own]
    if not any("/home/hadoop" in word for word in command):
        assert command == rewritten(*command)


def test_the_documented_list_is_the_modules_list():
    """The docs repeat the four ways word for word; change both."""
    numbered = re.compile(r"^\d\. .*", re.MULTILINE)
    section = DOCS.read_text(encoding="utf-8").split("## Four differences in a command")[1].split("\n## ")[0]

    assert [line.replace("``", "`") for line in numbered.findall(submit.__doc__ or "")] == numbered.findall(section)
    assert len(numbered.findall(section)) == 4
