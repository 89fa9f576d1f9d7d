"""Put a candidate into Solr under its own immutable names, not live, and prove that it stayed."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from reprise.errors import ServiceError, UsageError
from reprise.release.candidate import Candidate
from reprise.release.fence import Held, Lock, require
from reprise.release.intact import plain_model, trouble
from reprise.release.room import ZOOKEEPER_BYTES, require_room
from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)
_ATTEMPTS = 2  # a store that was in memory but never stored is gone after the first reload, and put again


@dataclass(frozen=True)
class Uploaded:
    """Where a candidate lies in Solr; ``model_bytes`` is its share of the model store's file, or its own file."""

    model: str
    store: str
    model_bytes: int


def upload(
    client: SolrClient,
    candidate: Candidate,
    max_model_bytes: int,
    max_file_bytes: int = ZOOKEEPER_BYTES,
    lock: Lock | None = None,
) -> Uploaded:
    """Ensure that every replica holds the candidate's store and model, as stored on disk; nothing becomes live.

    May be killed anywhere and repeated: names are content hashes, so what is there is either complete, completed
    here, or (altered by another hand) a UsageError. ``lock`` is held around the writes, and asked before each.
    A model larger than ``max_model_bytes``, or one with which a file of Solr's would be larger than
    ``max_file_bytes`` in SolrCloud, is a UsageError before anything is written.
    """
    with lock or nullcontext() as held:
        client.before_writing()
        size = require_room(client, candidate, max_model_bytes, max_file_bytes)
        for attempt in range(_ATTEMPTS):
            _put_missing(client, candidate, held)
            client.reload()
            lost = differences(client, candidate)
            if not lost:
                log.info("uploaded %s and %s to %s", candidate.store, candidate.model, client.urls)
                return Uploaded(candidate.model, candidate.store, size)
            log.warning("attempt %d: %s", attempt + 1, "; ".join(lost))
    raise ServiceError(
        f"Solr took {candidate.model!r} but did not keep it: {'; '.join(lost)}",
        "see Solr's log: its disk may be full or read-only",
    )


def differences(client: SolrClient, candidate: Candidate) -> list[str]:
    """Return in what the replicas differ from the candidate; empty when each holds all of it, unchanged."""
    found = []
    for url in client.urls:
        model = client.model(candidate.model, url)
        if model is None:
            found.append(f"{url} has no model {candidate.model!r}")
        elif plain_model(model) != plain_model(candidate.solr_model()):
            found.append(f"{url} has another model {candidate.model!r}")
        if _plain_features(client.features(candidate.store, url)) != _plain_features(candidate.features):
            found.append(f"{url} has other features in {candidate.store!r}")
        elif model is not None and (altered := trouble(client, candidate, url)):
            found.append(altered)  # it could not be told from one altered by hand when it is rolled back to
    return found


def _put_missing(client: SolrClient, candidate: Candidate, held: Held | None) -> None:
    there = _plain_features(client.features(candidate.store))
    wanted = _plain_features(candidate.features)
    altered = sorted(name for name, feature in there.items() if wanted.get(name) != feature)
    if altered:
        raise UsageError(
            f"the feature store {candidate.store!r} in {client.core!r} holds other definitions of {altered}",
            "somebody altered it by hand: delete the models that use it and the store, then upload again",
        )
    if missing := [feature for feature in candidate.features if feature["name"] not in there]:
        require(held)
        client.put_features(candidate.store, missing)
    model = client.model(candidate.model)
    if model is None:
        require(held)
        client.put_model(candidate.solr_model())
    elif plain_model(model) != plain_model(candidate.solr_model()):
        raise UsageError(
            f"the model {candidate.model!r} in {client.core!r} is not the candidate's",
            "somebody altered it by hand: delete it, then upload again",
        )


def _plain_features(features: list[dict[str, Any]]) -> dict[str, tuple[str, dict[str, Any]]]:
    return {str(feature["name"]): (str(feature["class"]), feature.get("params") or {}) for feature in features}
