"""Feature logging beside a bare Solr query for the same documents, by number of features; and featurize by pairs.

The core is reloaded before each round, so that no answer comes from Solr's caches, and a hundred other texts warm it.
What the catalogue lacks of 20 features are its own match features once more, under other names: Solr computes each.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from reprise.features.catalogue import Entry, defaults, efi, request_parameters, solr_entries
from reprise.lake import DAYS, Lake
from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.sandbox.s3a import start_local_spark
from reprise.settings import digest_of
from reprise.solr.client import SolrClient, connect

COUNTS = (1, 5, 10, 20)
TEXTS = 2000
_WARM = 100
SHARES = (1, 4, 16)  # sixteenths of the plan's query groups


def measure(home: Home, plan: Plan, shares: Sequence[int] = SHARES) -> Iterator[str]:
    """Yield both tables."""
    yield from _beside_bare(plan)
    yield ""
    yield from _by_pairs(home, plan, shares)


def _beside_bare(plan: Plan) -> Iterator[str]:
    solr, texts = plan.deployment.solr, _texts(plan)
    rounds: dict[str, tuple[int, float]] = {}
    with connect(solr.core, solr.request.id_field) as client:
        for name, count in [("", 0), ("bare", 0), *((f"{n} features", n) for n in COUNTS), ("bare again", 0)]:
            rounds[name] = _round(client, plan, _entries(plan, count), texts)
    yield f"{len(texts) - _WARM} texts, one after the other, the first {solr.request.rerank_docs} documents of each\n"
    yield "| | documents | seconds | pairs per second | beside bare |"
    yield "|---|---|---|---|---|"
    bare = (rounds["bare"][1] + rounds["bare again"][1]) / 2
    del rounds[""]  # the first round finds the JVM cold
    for name, (pairs, seconds) in rounds.items():
        yield f"| {name} | {pairs:,} | {seconds:.2f} | {pairs / seconds:,.0f} | {seconds / bare:.2f} |"


def _round(client: SolrClient, plan: Plan, entries: list[Entry], texts: Sequence[str]) -> tuple[int, float]:
    """Return how many documents were found, and the seconds that took."""
    store, request = f"reprise_bench_{digest_of(entries)}", plan.deployment.solr.request
    passed = efi(entries)
    unsent = defaults(request_parameters(plan.deployment.solr, entries, {}))
    if entries:
        client.put_features(store, entries)
    client.reload()

    def ask(text: str) -> int:
        params = {**request.params, **unsent, "q": text}
        if entries:
            return len(client.log_features(store, params, passed, request.handler, rows=request.rerank_docs).ids)
        params |= {"rows": request.rerank_docs, "fl": f"{request.id_field},score"}
        return len(client.select(params, request.handler).body["response"]["docs"])

    for text in texts[:_WARM]:
        ask(text)
    started = time.perf_counter()
    pairs = sum(ask(text) for text in texts[_WARM:])
    seconds = time.perf_counter() - started
    if entries:
        client.delete_feature_store(store)
    return pairs, seconds


def _entries(plan: Plan, count: int) -> list[Entry]:
    own = solr_entries(plan.deployment.solr, [])
    queries = [entry for entry in own if "q" in entry["params"]]
    more = [{**queries[n % len(queries)], "name": f"again_{n}"} for n in range(max(0, count - len(own)))]
    return [*own, *more][:count]


def _texts(plan: Plan) -> list[str]:
    rows = plan.open_lake().read("query_groups", plan.judgments_version, [plan.partition], ["query", "searches"])
    heaviest: dict[str, int] = {}
    for row in rows.to_pylist():
        heaviest[row["query"]] = heaviest.get(row["query"], 0) + row["searches"]
    return sorted(heaviest, key=lambda text: (-heaviest[text], text))[: TEXTS + _WARM]


def _by_pairs(home: Home, plan: Plan, shares: Sequence[int]) -> Iterator[str]:
    from reprise.features import featurize

    spark = start_local_spark(home, os.cpu_count() or 1)
    spark.sparkContext.setLogLevel("ERROR")
    found = []
    for number, share in enumerate((shares[0], *shares)):  # the first once more: the JVM is cold
        with tempfile.TemporaryDirectory() as folder:
            smaller = dataclasses.replace(plan, lake=folder, run=f"{plan.run}-{number}")
            _copy(plan.open_lake(), plan, smaller, share)
            started = time.perf_counter()
            facts = featurize.run(smaller).facts
            seconds = time.perf_counter() - started
            pairs = sum(one.rows for one in _retrieved(smaller))
            found.append((share, facts["requests"]["sent"], pairs, facts["training_set"], seconds))
    spark.stop()
    yield f"`featurize`, {plan.deployment.solr.requests_in_flight} requests in flight, {os.cpu_count()} cores\n"
    yield "| query groups | requests | pairs logged | rows | seconds | pairs/s | s per pair, beside 1/16 |"
    yield "|---|---|---|---|---|---|---|"
    base = found[1][4] / found[1][2]
    for share, requests, pairs, rows, seconds in found[1:]:
        size = f"| {share}/16 | {requests:,} | {pairs:,} | {rows:,} "
        yield f"{size}| {seconds:.1f} | {pairs / seconds:,.0f} | {seconds / pairs / base:.2f} |"


def _retrieved(plan: Plan) -> Sequence[Any]:
    from reprise.lake_sweep import published

    return [one.manifest for one in published(plan.open_lake()) if one.manifest.table == "retrieved"]


def _copy(lake: Lake, plan: Plan, smaller: Plan, share: int) -> None:
    """Publish a share of the plan's query groups and judgments, and all item statistics, in a lake of its own."""
    import pyarrow.compute as pc

    target = smaller.open_lake()
    for table in ("judgments", "query_groups"):
        rows = lake.read(table, plan.judgments_version, [plan.partition])
        groups = [
            group for group in pc.unique(rows["query_group"]).to_pylist() if int(digest_of(group), 16) % 16 < share
        ]
        kept = rows.filter(pc.is_in(rows["query_group"], pc.cast(groups, rows["query_group"].type)))
        target.write(table, smaller.judgments_version, smaller.partition, kept)
    if champion := lake.get_json(f"runs/{plan.run}/champion.json"):
        target.put_json(f"runs/{smaller.run}/champion.json", champion)
    for day in smaller.days:
        attempt = target.attempt(DAYS, smaller.logs_version)
        stats = lake.read("item_stats", plan.logs_version, [f"dt={day}"])
        target.put_rows(f"{attempt.key}/item_stats/day={day}/part-0.parquet", stats)
        counts = {"item_stats": stats.num_rows}
        target.publish(attempt, stats.num_rows, facts={"rows": counts}, partition=f"dt={day}")
