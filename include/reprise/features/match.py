"""What Solr itself says of the items a query retrieves: the engine's order and the features only Solr can compute.

One request per query, exactly as the application sends it (without ``rq``), logging features from a store of its
own whose name is the hash of what is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reprise.errors import UsageError
from reprise.features.catalogue import Entry, Parameter, defaults, efi, parameter_values, reads_time
from reprise.settings import Solr, digest_of
from reprise.solr.client import FeatureLog, SolrClient
from reprise.solr.pace import Pace

#: The columns (text) that make a request: what was typed, the listener's language, and the time in milliseconds; each
#: of the last two is blank unless a feature reads it.
REQUEST = ("query", "language", "now")


@dataclass(frozen=True)
class Wanted:
    """What is to be logged of each request: feature-store entries, and the ``request_parameters`` that they read."""

    solr: Solr
    entries: list[Entry]
    parameters: dict[str, Parameter]

    @property
    def names(self) -> list[str]:
        """The features' names, in order."""
        return [str(entry["name"]) for entry in self.entries]

    @property
    def has_moment(self) -> bool:
        """Whether an answer depends on when it was asked."""
        return reads_time(self.entries) or self.solr.request.released_field is not None

    @property
    def has_language(self) -> bool:
        """Whether a feature reads the listener's language."""
        return any(one["computes"] == "language" for one in self.parameters.values())


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


def as_of(solr: Solr, now: str) -> dict[str, Any]:
    """Return what makes a search one of a past moment: Solr's clock, and no item released after it."""
    if not now:
        return {}
    released = solr.request.released_field
    own = solr.request.params.get("fq")
    later = [f"-{released}:{{NOW TO *]"] if released else []
    return {"NOW": now, **({"fq": [*([own] if own else []), *later]} if later else {})}


def answer(client: SolrClient, store: str, wanted: Wanted, key: Mapping[str, Any], pace: Pace) -> FeatureLog:
    """Return what one request finds, in the engine's order, with its features; ``key`` is a row of ``REQUEST``."""
    request, known = wanted.solr.request, {"language": key["language"]}
    params = {
        **request.params,
        **defaults(wanted.parameters),
        **parameter_values(wanted.parameters, key["query"], known),
        **as_of(wanted.solr, key["now"]),
        "q": key["query"],
    }
    passed = efi(wanted.entries)
    return pace.call(
        lambda: client.log_features(store, params, passed, handler=request.handler, rows=request.rerank_docs)
    )
