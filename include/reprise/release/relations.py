"""What must be alike whatever the model: a query in another spelling, and what reranking may not touch.

No truth is needed to ask this (metamorphic testing; Chen et al., ACM Computing Surveys 2018): only that two searches
which mean the same are answered the same, and that what is not reranked stays where the engine put it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reprise.release.candidate import Candidate
from reprise.release.lists import candidates_request
from reprise.settings import Solr
from reprise.solr.client import SolrClient

_SHOWN = 5


@dataclass(frozen=True)
class Relation:
    """One relation: how many searches it was asked of, and the first few that break it, of ``broken``."""

    name: str
    asked: int
    broken: int
    examples: list[str] = field(default_factory=list)


def relations(client: SolrClient, solr: Solr, candidate: Candidate, texts: Sequence[str]) -> list[Relation]:
    """Return what becomes of each relation under a candidate that is uploaded, for these texts.

    ``spelling``: capitals and blanks change nothing on the first page, where they change nothing in the engine's own
    order. ``depth``: the first ``reRankDocs`` are the same items as in the engine's order, and the rest stand as there.
    """
    spelling, depth = [], []
    spelled = 0
    for text in texts:
        other = f"  {text.upper()} "
        if _ids(client, solr, _plain(solr, text), solr.request.rows) == _ids(
            client, solr, _plain(solr, other), solr.request.rows
        ):
            spelled += 1
            ours, theirs = (
                _ids(client, solr, candidates_request(solr, candidate, one), solr.request.rows) for one in (text, other)
            )
            if ours != theirs:
                spelling.append(text)
        if not _only_reordered(client, solr, candidate, text):
            depth.append(text)
    return [
        Relation("spelling", spelled, len(spelling), spelling[:_SHOWN]),
        Relation("depth", len(texts), len(depth), depth[:_SHOWN]),
    ]


def _only_reordered(client: SolrClient, solr: Solr, candidate: Candidate, text: str) -> bool:
    reranked = candidate.rerank_docs
    beyond = reranked + solr.request.rows
    engine = _ids(client, solr, _plain(solr, text), beyond)
    ours = _ids(client, solr, candidates_request(solr, candidate, text), beyond)
    return set(engine[:reranked]) == set(ours[:reranked]) and engine[reranked:] == ours[reranked:]


def _plain(solr: Solr, text: str) -> dict[str, Any]:
    return {**solr.request.params, "q": text}


def _ids(client: SolrClient, solr: Solr, search: Mapping[str, Any], rows: int) -> list[str]:
    asked = {**search, "fl": client.id_field, "rows": rows}
    return [str(one[client.id_field]) for one in client.select(asked, solr.request.handler).body["response"]["docs"]]
