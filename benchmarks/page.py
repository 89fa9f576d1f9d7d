"""The ranking page's two lists of a query, beside the same two searches asked of Solr alone.

For every query that the demo's last review was asked to look at, in turn: what the page's route does between Airflow's
log-in and its answer (plan and candidate from the lake, what is live and both lists from Solr, what was said before),
and the two searches by themselves, both at once as the page sends them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from reprise import release
from reprise.lifecycle.page import compare
from reprise.plan import Plan, read_plan
from reprise.release import Candidate, lists
from reprise.sandbox.home import Home
from reprise.solr.client import SolrClient, connect

ROUNDS = 3


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table: milliseconds of a query, and of the whole report with its queries."""
    del home
    address = f"{plan.lake}/runs/{plan.run}/plan.json"
    texts = [one["query"] for one in compare.queries(plan)] * ROUNDS
    candidate, solr = compare.candidate_of(plan), plan.deployment.solr
    with connect(solr.core, solr.request.id_field) as client, ThreadPoolExecutor(2) as pool:
        live = release.live(client)
        searches = [_both(client, pool, plan, candidate, live, text) for text in texts]
        page = [lambda text=text: compare.sides(read_plan(address), text, "bench") for text in texts]
        alone, ours = _ms(zip(searches, page, strict=True))
    report = [_timed(lambda: compare.report(read_plan(address))) for _ in range(ROUNDS)]
    yield f"{len(texts) // ROUNDS} queries, {ROUNDS} times\n"
    yield "| | p50 ms | p95 ms | most |"
    yield "|---|---|---|---|"
    for name, found in (
        ("the page's two lists", ours),
        ("the two searches alone", alone),
        ("what the page adds", ours - alone),
        ("the report with its queries", np.array(report)),
    ):
        yield f"| {name} | {np.quantile(found, 0.5):.0f} | {np.quantile(found, 0.95):.0f} | {found.max():.0f} |"
    yield f"\np95 of the page beside the searches alone: {np.quantile(ours, 0.95) / np.quantile(alone, 0.95):.2f}"


def _both(
    client: SolrClient, pool: ThreadPoolExecutor, plan: Plan, candidate: Candidate, live: release.Release, text: str
) -> Callable[[], Any]:
    solr = plan.deployment.solr
    wanted = {"fl": ",".join([client.id_field, *solr.serving.show]), "rows": solr.request.rows}
    asked = [lists.candidates_request(solr, candidate, text), lists.live_request(live, text)]
    return lambda: list(pool.map(lambda one: client.select({**one, **wanted}, solr.request.handler), asked))


def _ms(pairs: Iterator[tuple[Callable[[], Any], Callable[[], Any]]]) -> tuple[Any, Any]:
    """Return the milliseconds of both kinds of work, done in turn, after one round that is not counted."""
    found = [(_timed(one), _timed(other)) for one, other in pairs]
    counted = np.array(found[len(found) // ROUNDS :])
    return counted[:, 0], counted[:, 1]


def _timed(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000
