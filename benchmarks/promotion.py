"""From an approval to every replica, and back: beside one bare write of request parameters.

The demo's live candidate, on a core of its own and on a SolrCloud of two replicas, both gone afterwards, with the
demo's catalogue. It is promoted again and again, each time with another depth, so that each is another release.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from reprise import release
from reprise.lifecycle.page.compare import candidate_of
from reprise.plan import Plan
from reprise.release.record import utc_now
from reprise.release.upload import upload
from reprise.sandbox import music, solr_server
from reprise.sandbox.home import Home
from reprise.sandbox.solr_cloud import solr_cloud
from reprise.solr.client import SolrClient

PROMOTIONS = 20
CORE = "reprise_bench_promotion"


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table: seconds of each step, its median and most, and beside the bare write."""
    yield f"{PROMOTIONS} of each but the first upload\n"
    yield "| | | p50 s | most s | beside a bare write |"
    yield "|---|---|---|---|---|"
    url = home.url("solr")
    solr_server.create_core(url, home.root / "solr", CORE)
    try:
        with SolrClient([url], CORE) as client:
            yield from _lines("one core", client, plan)
    finally:
        solr_server.remove_core(url, home.root / "solr", CORE)
    with tempfile.TemporaryDirectory() as folder, solr_cloud(Path(folder)) as cloud:
        cloud.create_collection(CORE)
        with SolrClient(cloud.nodes, CORE) as client:
            yield from _lines("two replicas", client, plan)


def _lines(where: str, client: SolrClient, plan: Plan) -> Iterator[str]:
    client.add(music.World.build(scale="demo").catalogue.documents(), batch=10_000)
    candidate = candidate_of(plan)
    release.ensure_release_zero(client, plan.deployment.solr.request)
    first = _seconds(lambda: upload(client, candidate, plan.deployment.solr.max_model_bytes))
    found: dict[str, list[float]] = {"a bare write": [], "promote": [], "rollback": []}
    for n in range(PROMOTIONS):
        deeper = dataclasses.replace(candidate, rerank_docs=candidate.rerank_docs + n)
        approval = release.Approval("bench", utc_now(), "bench")
        live = release.live(client).number
        bare = {"reprise_bench": {"n": str(n)}}
        found["a bare write"].append(_seconds(lambda bare=bare: client.write_paramsets(bare)))
        found["promote"].append(_seconds(lambda one=deeper, n=live, a=approval: release.promote(client, one, n, a)))
        found["rollback"].append(_seconds(lambda n=live: release.rollback(client, n, reason="bench", by="bench")))
    plain = np.median(found["a bare write"])
    for name, seconds in {"upload": [first], **found}.items():
        middle = np.median(seconds)
        yield f"| {where} | {name} | {middle:.3f} | {max(seconds):.3f} | {middle / plain:.1f} |"


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
