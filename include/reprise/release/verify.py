"""Prove an uploaded candidate in Solr: scores bit for bit, latency with and without it, skew of its training data."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np

from reprise.features.catalogue import defaults, reads_time
from reprise.release.candidate import Candidate
from reprise.settings import Request
from reprise.solr.client import SolrClient
from reprise.solr.score import score
from reprise.verdict import Answer

MIN_PAIRS = 1000
_SHOWN = 5  # mismatches kept as examples


@dataclass(frozen=True)
class Probe:
    """One search (its parameters beyond the configured request, such as ``q``) to prove a candidate with.

    ``trained``: item id → feature name → value, as the training set had them for this search.
    """

    params: Mapping[str, Any]
    trained: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Mismatch:
    """A pair whose score in Solr is not the offline scorer's."""

    url: str
    params: Mapping[str, Any]
    item: str
    solr: float
    offline: float


@dataclass(frozen=True)
class Latency:
    """Milliseconds a search takes at the client, over the probes."""

    median_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Skew:
    """How a feature's values in the training set differ from Solr's now, over ``pairs`` pairs found in both."""

    feature: str
    pairs: int
    differing_share: float
    largest_difference: float


@dataclass(frozen=True)
class Verification:
    """What only Solr can measure of a candidate; ``unreachable`` training items no longer answer their search."""

    pairs: int
    mismatching: int
    examples: list[Mismatch]
    unmatched: int
    without_model: Latency
    with_model: Latency
    skew: list[Skew]
    unreachable: int
    min_pairs: int

    @property
    def answer(self) -> Answer:
        """Yes: every score equal, on enough pairs. No: one differs. Cannot tell: too few pairs."""
        if self.mismatching:
            return "no"
        return "yes" if self.pairs >= self.min_pairs else "cannot tell"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready copy with the answer."""
        return {**asdict(self), "answer": self.answer}


def verify(
    client: SolrClient,
    candidate: Candidate,
    probes: Sequence[Probe],
    request: Request,
    min_pairs: int = MIN_PAIRS,
) -> Verification:
    """Return whether Solr's scores equal the offline scorer's on every (search, item) pair, on every replica.

    Features are logged by one request and scored by another that names the uploaded model, not the live one; pairs
    are counted on the pinned replica. Items seen by only one of the two requests are ``unmatched``.
    """
    request = request.model_copy(update={"params": {**request.params, **_fixed(candidate)}})
    mismatches: list[Mismatch] = []
    pairs = unmatched = 0
    for url in client.urls:
        for probe in probes:
            equal, different, lone = _compare(client, candidate, probe, request, url)
            mismatches += different
            if url == client.pinned:
                pairs += equal + len(different)
                unmatched += lone
    without, with_model = latency(client, candidate.rq, [probe.params for probe in probes], request)
    skew, unreachable = _skew(client, candidate, probes, request)
    return Verification(
        pairs=pairs,
        mismatching=len(mismatches),
        examples=mismatches[:_SHOWN],
        unmatched=unmatched,
        without_model=without,
        with_model=with_model,
        skew=skew,
        unreachable=unreachable,
        min_pairs=min_pairs,
    )


def _fixed(candidate: Candidate) -> dict[str, str]:
    """Return what all requests of a proof share: defaults of what is not sent, and one moment for all that read it."""
    moment = {"NOW": str(time.time_ns() // 1_000_000)} if reads_time(candidate.features) else {}
    return {**defaults(candidate.parameters), **moment}


def afresh(params: Mapping[str, Any], id_field: str) -> dict[str, Any]:
    """Return a search that no other asked: Solr keeps results without regard to ``NOW`` (measured on 8.11.4)."""
    own = params.get("fq") or []
    unlike_any = f"{{!cache=false}}-{id_field}:{uuid4().hex}"
    return {**params, "fq": [*([own] if isinstance(own, str) else own), unlike_any]}


def _compare(
    client: SolrClient, candidate: Candidate, probe: Probe, request: Request, url: str
) -> tuple[int, list[Mismatch], int]:
    params = {**request.params, **probe.params}
    rows = candidate.rerank_docs
    logged = client.log_features(candidate.store, params, candidate.rq_efi, request.handler, rows=rows, url=url)
    asked = afresh({**params, "rq": candidate.rq, "fl": f"{client.id_field},score", "rows": rows}, client.id_field)
    documents = client.select(asked, request.handler, url).body["response"]["docs"]
    solr = {str(document[client.id_field]): np.float32(document["score"]) for document in documents}
    offline: dict[str, np.float32] = {}
    if logged.ids:
        scores = score(candidate.model_json, logged.values, logged.names)
        offline = dict(zip(logged.ids, scores, strict=True))
    both = solr.keys() & offline.keys()
    different = [
        Mismatch(url, dict(probe.params), item, float(solr[item]), float(offline[item]))
        for item in sorted(both)
        if solr[item].tobytes() != offline[item].tobytes()
    ]
    return len(both) - len(different), different, len(solr.keys() ^ offline.keys())


def latency(
    client: SolrClient, rq: str, searches: Iterable[Mapping[str, Any]], request: Request
) -> tuple[Latency, Latency]:
    """Return the latency of searches without and with a rerank query, asked in turn.

    Neither is answered from the cache of results. What ``rq`` refers to is among the searches' parameters.
    """
    plain: list[float] = []
    ranked: list[float] = []
    for search in searches:
        params = {**request.params, **search, "rows": request.rows, "fl": client.id_field}
        plain.append(_timed(client, afresh(params, client.id_field), request.handler))
        ranked.append(_timed(client, afresh({**params, "rq": rq}, client.id_field), request.handler))
    return _quantiles(plain), _quantiles(ranked)


def _timed(client: SolrClient, params: Mapping[str, Any], handler: str) -> float:
    started = time.perf_counter()
    client.select(params, handler)
    return (time.perf_counter() - started) * 1000.0


def _quantiles(milliseconds: Sequence[float]) -> Latency:
    if not milliseconds:
        return Latency(0.0, 0.0, 0.0)
    median, p95, p99 = (round(float(one), 3) for one in np.quantile(milliseconds, [0.5, 0.95, 0.99]))
    return Latency(median, p95, p99)


def _skew(
    client: SolrClient, candidate: Candidate, probes: Iterable[Probe], request: Request
) -> tuple[list[Skew], int]:
    """Return each feature's skew, and how many training items their search no longer finds."""
    differences: dict[str, list[tuple[bool, float]]] = {}
    unreachable = 0
    for probe in probes:
        if not probe.trained:
            continue
        params = {**request.params, **probe.params}
        ids = sorted(probe.trained)
        now = client.log_features(candidate.store, params, candidate.rq_efi, request.handler, ids=ids)
        unreachable += len(ids) - len(now.ids)
        for item, row in zip(now.ids, now.values, strict=True):
            for name, value in zip(now.names, row, strict=True):
                if name in probe.trained[item]:
                    before = np.float32(probe.trained[item][name])
                    differs = not np.isclose(before, value, rtol=1e-5, atol=1e-7)
                    differences.setdefault(name, []).append((differs, abs(float(before) - float(value))))
    skew = [
        Skew(name, len(seen), sum(d for d, _ in seen) / len(seen), max(size for _, size in seen))
        for name, seen in sorted(differences.items())
    ]
    return skew, unreachable
