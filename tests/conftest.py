"""Real services for the whole run: each is started once, at first use, on free ports under a folder of its own.

Where files run side by side in processes (pytest-xdist), every process has its own; what is dear to make is made in one
of them, and the files that ask for it stay together.

Jars come from the shared cache. A running demo is neither used nor disturbed.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from reprise.sandbox import solr_server, supervisor
from reprise.sandbox.home import DEFAULT_PORTS, Home
from reprise.sandbox.ports import free_ports
from reprise.sandbox.services import aws_client
from reprise.sandbox.solr_cloud import SolrCloud, solr_cloud

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from pyspark.sql import SparkSession

settings.register_profile("reprise", deadline=None)  # no test is timed: a busy machine is no failure
settings.load_profile("reprise")


#: Made once in a run, not once in every process: files with a function that takes such a fixture go together.
_DEAR = re.compile(r"def \w+\([^)]*\b(cloud|whole)\b")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Give a process whole files, and all those that ask for the same dear thing."""

    @cache
    def together(file: str) -> str:
        asked = _DEAR.search((config.rootpath / file).read_text(encoding="utf-8"))
        return asked[1] if asked else file

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(super()._split_scope(nodeid))

    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what may take longest, so that of two processes none is left to do it alone at the end."""

    def patience(item: pytest.Item) -> float:
        marker = item.get_closest_marker("timeout")
        return float(marker.args[0]) if marker else 0.0

    longest: dict[Path, float] = {}
    for item in items:
        longest[item.path] = max(longest.get(item.path, 0.0), patience(item))
    items.sort(key=lambda item: -longest[item.path])


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A sandbox of this run's own; nothing in it runs until a fixture asks. Ended with the run."""
    home = Home(tmp_path_factory.mktemp("home"), dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True)))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.client_environment().items():
            patch.setenv(name, value)
        yield home
    supervisor.down(home)


@pytest.fixture(scope="session")
def s3(home: Home) -> S3Client:
    """A client of the running S3; the environment names it too, so that boto3 and the lake find it."""
    supervisor.up(home, ["s3"])
    return aws_client(home, "s3")


@pytest.fixture(scope="session")
def new_bucket(s3: S3Client) -> Callable[[], str]:
    """Makes an empty bucket and returns its name."""
    numbers = itertools.count(1)

    def make() -> str:
        name = f"bucket-{next(numbers)}"
        s3.create_bucket(Bucket=name)
        return name

    return make


@pytest.fixture(scope="session")
def solr_url(home: Home) -> str:
    """The running Solr's address, ending in /solr; its core ``music`` is empty and belongs to no test."""
    supervisor.up(home, ["solr"])
    return home.url("solr")


@pytest.fixture
def new_core(home: Home, solr_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes an empty core with the sandbox's configset and returns its URL; gone after the test."""
    yield from _cores(home, solr_url, request.node.nodeid)


@pytest.fixture(scope="module")
def module_core(home: Home, solr_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of one core that a test file's tests share; gone after the file."""
    cores = _cores(home, solr_url, request.node.nodeid)
    yield next(cores)()
    next(cores, None)


def _cores(home: Home, solr_url: str, owner: str) -> Iterator[Callable[[], str]]:
    made: list[str] = []
    stem = re.sub(r"\W+", "_", owner)[-60:].strip("_")

    def make() -> str:
        made.append(f"{stem}_{len(made)}")
        return solr_server.create_core(solr_url, home.root / "solr", made[-1])

    yield make
    for name in made:
        solr_server.remove_core(solr_url, home.root / "solr", name)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SolrCloud]:
    """Two running nodes of a SolrCloud, without collections; a test that ends a node starts it again."""
    with solr_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def mlflow_server(home: Home) -> str:
    """The running MLflow server's tracking URI."""
    supervisor.up(home, ["mlflow"])
    return home.url("mlflow")


@pytest.fixture(scope="session")
def spark(home: Home) -> Iterator[SparkSession]:
    """One small session that reads local paths and ``s3://``; ask for ``s3`` as well where objects are used."""
    from reprise.sandbox.s3a import start_local_spark

    logging.getLogger("py4j").setLevel(logging.WARNING)  # it says goodbye after pytest has closed the log
    session = start_local_spark(home, cores=2)
    yield session
    session.stop()
