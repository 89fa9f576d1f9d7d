"""Publishing behaviour in place, beside indexing the same documents anew; and what searches notice of either.

In a core of its own, gone afterwards: copies of the demo's catalogue, with the demo's behaviour fields. Searches come
at the rate that `publish_features` watches with; how long they take is set beside what they took right before. The
first size runs once before, unmeasured: the JVM is cold.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from reprise import tables
from reprise.features import publish
from reprise.plan import Plan
from reprise.sandbox import music, solr_server
from reprise.sandbox.home import Home
from reprise.solr.client import SolrClient
from reprise.solr.watch import watched

COPIES = (1, 4, 16)
CORE = "reprise_bench_publishing"
_TEXTS = 200


def measure(home: Home, plan: Plan, copies: Sequence[int] = COPIES) -> Iterator[str]:
    """Yield the table: per number of documents, all, a tenth and none of them changed, and all indexed anew."""
    world = music.World.build(scale="demo")
    texts = list(world.wishes.texts)
    searches = [{"q": text, "rows": 10} for text in texts[:: len(texts) // _TEXTS]]
    yield f"{plan.deployment.solr.requests_in_flight} requests in flight, {len(publish.serving_fields(plan))} fields\n"
    yield "| documents | | written | seconds | documents/s | searches | errors | p50, p95, p99 ms | p95 beside before |"
    yield "|---|---|---|---|---|---|---|---|---|"
    list(_rounds(home, plan, world, searches, copies[0]))
    for number in copies:
        yield from _rounds(home, plan, world, searches, number)


def _rounds(home: Home, plan: Plan, world: Any, searches: Sequence[dict[str, Any]], copies: int) -> Iterator[str]:
    url = home.url("solr")
    solr_server.create_core(url, home.root / "solr", CORE)
    documents = [{**one, "id": f"{one['id']}-{n}"} for one in world.catalogue.documents() for n in range(copies)]
    ids, random = sorted(one["id"] for one in documents), np.random.default_rng(5)
    try:
        with SolrClient([url], CORE) as client, tempfile.TemporaryDirectory() as folder:
            client.add(documents, batch=10_000)
            own = dataclasses.replace(plan, lake=folder)
            values = random.exponential(1, (len(ids), len(publish.serving_fields(own))))
            for name, share in (("first filled", 1.0), ("all changed", 1.0), ("a tenth changed", 0.1), ("none", 0.0)):
                changed = random.random(len(ids)) < share
                values[changed] = random.exponential(1, (int(changed.sum()), values.shape[1]))
                _behave(own, ids, values)
                yield _line(own, client, searches, len(ids), name, lambda: publish.run(client, own, checked=False))
            yield _line(own, client, searches, len(ids), "indexed anew", lambda: client.add(documents))
    finally:
        solr_server.remove_core(url, home.root / "solr", CORE)


def _behave(plan: Plan, ids: Sequence[str], values: Any) -> None:
    """Publish these values as the day's; the newest manifest is the one that counts."""
    names = list(publish.serving_fields(plan))
    columns = {name: values[:, n].astype(np.float32) for n, name in enumerate(names)}
    rows = pa.table({"item": list(ids), **columns}, tables.behaviour(names))
    lake, version, partition = plan.open_lake(), publish.behaviour_version(plan), f"dt={plan.as_of}"
    attempt = lake.attempt("behaviour", version, partition)
    lake.put_rows(f"{attempt.key}/part-00000.parquet", rows)
    lake.publish(attempt, rows.num_rows, replaces=lake.published("behaviour", version, partition))


def _line(
    plan: Plan, client: SolrClient, searches: Sequence[Any], documents: int, name: str, do: Callable[[], Any]
) -> str:
    rate = plan.deployment.solr.publish.searches_per_second
    with watched(client, searches, plan.deployment.solr.request.handler, rate) as seen:
        started = time.perf_counter()
        done = do()
        seconds = time.perf_counter() - started
    written = done if isinstance(done, int) else done.facts["changed"]
    then, now = seen["before"], seen["meanwhile"]
    latency = f"{now['p50_ms']:.1f}, {now['p95_ms']:.1f}, {now['p99_ms']:.1f}"
    return (
        f"| {documents:,} | {name} | {written:,} | {seconds:.1f} | {documents / seconds:,.0f} | {now['asked']:,} "
        f"| {now['errors']} | {latency} | {now['p95_ms'] / then['p95_ms']:.2f} |"
    )
