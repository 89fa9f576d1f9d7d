"""Collections of the run's own SolrCloud, and clients of them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from reprise.errors import RepriseError
from reprise.sandbox.solr_cloud import SolrCloud
from reprise.solr import SolrClient

_NUMBERS = itertools.count(1)


@contextmanager
def collection(cloud: SolrCloud, kind=SolrClient, **shape) -> Iterator[SolrClient]:
    """A client of a new, empty collection of two replicas; gone afterwards."""
    name = f"music_{next(_NUMBERS)}"
    cloud.create_collection(name, **shape)
    try:
        with kind(cloud.nodes, name) as client:
            yield client
    finally:
        cloud.start(0, 1)
        cloud.remove_collection(name)


def wait_until_active(client: SolrClient) -> None:
    """Wait until every replica answers: a node that comes back first catches up."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with SolrClient(client.nodes, client.core) as fresh, suppress(RepriseError):
            if all(one.state == "active" for one in fresh.replicas()):
                for url in fresh.urls:
                    fresh.ping(url)
                return
        time.sleep(0.3)
    raise AssertionError("the replica does not come back")
