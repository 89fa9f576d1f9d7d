"""What the tests of this room share."""

import pytest

from builders.behaviour import ITEMS
from builders.solr_core import client_of


@pytest.fixture
def core(new_core):
    """A client of a core with songs of which nothing is known yet; a file with other items has a core of its own."""
    with client_of(new_core()) as client:
        client.add({"id": item, "entity": "song", "title": "raga night"} for item in ITEMS)
        yield client
