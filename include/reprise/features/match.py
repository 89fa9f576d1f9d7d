"""What Solr itself says of the items a query retrieves: the engine's order and the features only Solr can compute.

One request per query, exactly as the application sends it (without ``rq``), logging features from a store of its
own whose name is the hash of what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprise.errors import UsageError
from reprise.features.catalogue import EFI, Entry
from reprise.settings import Solr, digest_of
from reprise.solr.client import FeatureLog, SolrClient
from reprise.solr.pace import Pace

#: The columns (text) of the queries asked that make a request: what was typed, and parameters by their own names.
REQUEST = ("query",)


def logging_store_name(entries: list[Entry]) -> str:
    """Return the name of the store that these features are logged from."""
    return f"reprise_log_{digest_of(entries)}"


def logging_store(client: SolrClient, entries: list[Entry]) -> str:
    """Ensure that Solr holds these features in a store named by their hash, and return its name.

    The name carries the release's prefix, so that pruning removes it: no model ever uses it.
    """
    store = logging_store_name(entries)
    if len(client.features(store)) < len(entries):
        have = {str(feature["name"]) for feature in client.features(store)}
        try:
            client.put_features(store, [entry for entry in entries if entry["name"] not in have])
        except UsageError as error:
            if "already contained" not in str(error):  # another partition was first
                raise
    return store


def parameters(key: Mapping[str, Any]) -> dict[str, str]:
    """Return what one row of ``REQUEST`` adds to the request: its text as ``q``, the rest under their own names."""
    return {"q" if name == "query" else name: str(value) for name, value in key.items() if value is not None}


def answer(client: SolrClient, store: str, solr: Solr, key: Mapping[str, Any], pace: Pace) -> FeatureLog:
    """Return what one request finds, in the engine's order, with its features; ``key`` is a row of ``REQUEST``."""
    request = solr.request
    params = {**request.params, **parameters(key)}
    return pace.call(lambda: client.log_features(store, params, EFI, handler=request.handler, rows=request.rerank_docs))
