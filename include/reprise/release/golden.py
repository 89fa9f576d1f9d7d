"""Golden queries asked of the real Solr: of a candidate by its own rerank query, of what is live as listeners ask."""

from __future__ import annotations

from collections.abc import Sequence

from reprise.experts.golden import Expectation, Held, check
from reprise.release.candidate import Candidate
from reprise.release.lists import candidates_request, live_request
from reprise.release.record import live
from reprise.settings import Deployment, Solr
from reprise.solr.client import SolrClient, connect


def check_candidate(
    client: SolrClient, solr: Solr, candidate: Candidate, expectations: Sequence[Expectation]
) -> list[Held]:
    """Return what becomes of expectations under a candidate that is uploaded and not live."""
    requests = {one.query: candidates_request(solr, candidate, one.query) for one in expectations}
    return check(client, expectations, requests, solr.request.handler, candidate.rerank_docs, solr.request.rows)


def check_live(deployment: Deployment, expectations: Sequence[Expectation]) -> list[Held]:
    """Return what becomes of expectations under what is live."""
    solr = deployment.solr
    with connect(solr.core, solr.request.id_field) as client:
        release = live(client)
        requests = {one.query: live_request(release, one.query) for one in expectations}
        return check(client, expectations, requests, solr.request.handler, solr.request.rerank_docs, solr.request.rows)
