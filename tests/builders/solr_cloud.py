"""Collections of the run's own SolrCloud, and clients of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

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
        for number in range(2):
            cloud.start(number)
        cloud.remove_collection(name)
