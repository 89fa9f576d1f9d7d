"""What reranking with some features costs a search in Solr, whatever the model: a linear one that reads them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reprise.features.catalogue import defaults, efi, parameter_values, request_parameters, store_entries
from reprise.features.match import logging_store
from reprise.release.verify import Latency, latency
from reprise.settings import Solr
from reprise.solr.client import SolrClient


def of_features(client: SolrClient, solr: Solr, names: Sequence[str], texts: Sequence[str]) -> tuple[Latency, Latency]:
    """Return the latency of searches for these texts without and with reranking by these features.

    Store and model are named by their hash, are not live, and are gone afterwards. Language is that of nobody.
    """
    entries = [entry for entry in store_entries(solr) if entry["name"] in set(names)]
    parameters = request_parameters(solr, entries, {})
    store = logging_store(client, entries)
    model = {
        "name": f"{store}_linear",
        "class": "org.apache.solr.ltr.model.LinearModel",
        "store": store,
        "features": [{"name": entry["name"]} for entry in entries],
        "params": {"weights": {str(entry["name"]): 1.0 for entry in entries}},
    }
    passed = "".join(f" efi.{name}={value}" for name, value in sorted(efi(entries).items()))
    rq = f"{{!ltr model={model['name']} reRankDocs={solr.request.rerank_docs}{passed}}}"
    searches: list[Mapping[str, Any]] = [
        {"q": text, **defaults(parameters), **parameter_values(parameters, text, {})} for text in texts
    ]
    client.put_model(model)
    try:
        return latency(client, rq, searches, solr.request)
    finally:
        client.delete_model(str(model["name"]))
        client.delete_feature_store(store)
