"""What searches notice of what is live: errors, time with and without reranking, changed first results, time-outs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from reprise.errors import RepriseError, UsageError
from reprise.release.lists import live_request
from reprise.release.record import live
from reprise.release.verify import afresh
from reprise.settings import Solr
from reprise.solr.client import SolrClient

_TOP = 3
_SHOWN = 5


@dataclass(frozen=True)
class Times:
    """Quantiles of a search's time, in milliseconds: as the client waits, and as Solr itself counts (``QTime``)."""

    p50: float
    p95: float
    p99: float
    solr_p50: float
    solr_p95: float
    solr_p99: float


@dataclass(frozen=True)
class Serving:
    """Searches sent with what is live and without it, in turn; nothing was answered from the cache of results.

    ``errors``: the first few failures, and ``failed`` how many there were. ``changed``: share of searches whose first
    three results reranking changes. ``timed_out``: answers that Solr called partial, of all that were sent.
    """

    release: int
    searches: int
    depth: int
    failed: int
    plain: Times
    ranked: Times
    changed: float
    timed_out: int
    errors: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return asdict(self)

    @property
    def in_words(self) -> str:
        """The figures in one line."""
        return (
            f"{self.searches} searches under release {self.release}: {self.failed} failed, p50/p95/p99"
            f" {self.ranked.p50:.1f}/{self.ranked.p95:.1f}/{self.ranked.p99:.1f} ms with reranking of {self.depth},"
            f" {self.plain.p50:.1f}/{self.plain.p95:.1f}/{self.plain.p99:.1f} ms without;"
            f" the first {_TOP} change in {self.changed:.0%}; {self.timed_out} timed out"
        )


def check(client: SolrClient, solr: Solr, texts: Sequence[str], more: Mapping[str, Any] | None = None) -> Serving:
    """Return what searches for these texts notice, asked as the application asks; no text at all is an error.

    ``more``: further parameters of every search, such as ``timeAllowed``.
    """
    if not texts:
        raise UsageError("there are no searches to check with", "name a file of them, or extract a day of logs first")
    release, handler = live(client), solr.request.handler
    seen: dict[str, list[tuple[float, float]]] = {"plain": [], "ranked": []}
    changed = compared = timed_out = 0
    errors: list[str] = []
    for text in texts:
        tops = {}
        for kind in ("plain", "ranked"):
            search = live_request(release, text) if kind == "ranked" else {**release.request, "q": text}
            search = {**search, **(more or {}), "fl": client.id_field, "rows": solr.request.rows}
            # A filter that is sent takes the place of those in the live paramset, so these are sent along.
            search = {"fq": release.request.get("fq"), **search}
            try:
                answer = client.select(afresh(search, client.id_field), handler)
            except RepriseError as error:
                errors.append(error.problem)
                continue
            header = answer.body["responseHeader"]
            timed_out += bool(header.get("partialResults"))
            seen[kind].append((1000 * answer.seconds, float(header["QTime"])))
            documents = answer.body.get("response", {}).get("docs", [])
            tops[kind] = [one[client.id_field] for one in documents[:_TOP]]
        if len(tops) == len(seen):
            compared, changed = compared + 1, changed + (tops["plain"] != tops["ranked"])
    return Serving(
        release=release.number,
        searches=len(texts),
        depth=solr.request.rerank_docs,
        failed=len(errors),
        plain=_times(seen["plain"]),
        ranked=_times(seen["ranked"]),
        changed=changed / compared if compared else 0.0,
        timed_out=timed_out,
        errors=errors[:_SHOWN],
    )


def _times(seen: Sequence[tuple[float, float]]) -> Times:
    if not seen:
        return Times(*[0.0] * 6)
    client, solr = (np.quantile([one[n] for one in seen], [0.5, 0.95, 0.99]) for n in (0, 1))
    return Times(*(round(float(value), 3) for value in [*client, *solr]))
