"""Delete what no release points at and nobody stages: models first, then the stores nobody uses."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from reprise.errors import ServiceError
from reprise.release.candidate import PREFIX
from reprise.release.record import read_pointer
from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)


def prune(client: SolrClient, keep: Collection[str], lock: AbstractContextManager[object] | None = None) -> list[str]:
    """Delete Reprise's models that are neither live, previous nor in ``keep`` (model names), then unused stores.

    Returns the names deleted. What is live or previous on any replica stays; so does everything that does not carry
    Reprise's own prefix. Where a replica's pointer is unclear nothing is deleted.
    """
    with lock or nullcontext():
        client.before_writing()
        kept = _pointed_at(client) | set(keep)
        models = [str(model["name"]) for model in client.models()]
        gone = [name for name in models if name.startswith(PREFIX) and name not in kept]
        for name in gone:
            client.delete_model(name)
        used = {str(model["store"]) for model in client.models()}
        stores = [name for name in client.feature_stores() if name.startswith(PREFIX) and name not in used]
        for name in stores:
            client.delete_feature_store(name)
        if gone or stores:
            client.reload()
            log.info("pruned %s", gone + stores)
        return gone + stores


def _pointed_at(client: SolrClient) -> set[str]:
    names = set()
    for url in client.urls:
        pointer = read_pointer(client, url)
        if pointer.live is None or pointer.previous is None:
            raise ServiceError(
                f"what is live or previous at {url} is not what any release recorded; nothing was pruned",
                "`reprise release rollback --to N` sets it right",
            )
        names |= {pointer.live.model, pointer.previous.model}
    return names
