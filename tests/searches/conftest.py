"""What the tests of this room share."""

from pathlib import Path

import pytest

from builders.whole_log import write_whole_log
from reprise.searches.extract import run


@pytest.fixture
def ubi_fixture(monkeypatch):
    """The tiny UBI log of our own making, where the `ubi` deployment looks for the foreign one."""
    folder = Path(__file__).parents[1] / "fixtures" / "foreign"
    monkeypatch.setenv("REPRISE_FOREIGN_DATA", str(folder))
    return folder / "ubi-o19s" / "tiny.ndjson"


@pytest.fixture(scope="session")
def whole(spark, tmp_path_factory):
    """One log of everything, extracted once for all tests that ask."""
    log = write_whole_log(tmp_path_factory.mktemp("whole"))
    run(log.plan)
    return log
