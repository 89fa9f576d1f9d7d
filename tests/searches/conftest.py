"""What the tests of this room share."""

from pathlib import Path

import pytest


@pytest.fixture
def ubi_fixture(monkeypatch):
    """The tiny UBI log of our own making, where the `ubi` deployment looks for the foreign one."""
    folder = Path(__file__).parents[1] / "fixtures" / "foreign"
    monkeypatch.setenv("REPRISE_FOREIGN_DATA", str(folder))
    return folder / "ubi-o19s" / "tiny.ndjson"
