"""Free what nobody needs any more: models first, then the stores nobody uses, then long-gone lines of the record."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from reprise.errors import ServiceError
from reprise.release.candidate import PREFIX
from reprise.release.intact import plain_features, plain_model
from reprise.release.record import RELEASES, Pointer, Release, read_pointer, utc_now
from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)
KEPT_SWITCHES = 200  # lines of the record; older ones are in the lake's copy


@dataclass(frozen=True)
class _Taken:
    """A model as Solr had it, so that it can be put back."""

    model: dict[str, Any]
    features: list[dict[str, Any]]


def prunable(client: SolrClient, staged: Collection[str] = (), last: int | None = None) -> list[str]:
    """Return the names of Reprise's models and stores that ``prune`` would delete, models first."""
    models = client.models()
    kept = _pointed_at(client) | _recent(read_pointer(client), last) | set(staged)
    gone = [str(model["name"]) for model in models if _ours(str(model["name"])) and model["name"] not in kept]
    used = {str(model["store"]) for model in models if model["name"] not in gone}
    return gone + [store for store in client.feature_stores() if _ours(store) and store not in used]


def prune(
    client: SolrClient,
    staged: Collection[str] = (),
    last: int | None = None,
    lock: AbstractContextManager[object] | None = None,
) -> list[str]:
    """Delete Reprise's models that are neither live, previous, ``staged`` (model names) nor of the last releases.

    ``last``: how many of the newest releases stay beside live and previous; None: all. Returns the names deleted,
    models and then stores. What is live or previous on any replica stays; so does everything that does not carry
    Reprise's own prefix. Where a replica does not answer, or its pointer is unclear, nothing is deleted. A rollback
    in the middle wins: what it points at is put back. The record says of each release that it was pruned.
    """
    with lock or nullcontext():
        client.before_writing()
        wanted = set(prunable(client, staged, last))
        models = {str(model["name"]): model for model in client.models()}
        taken: dict[str, _Taken] = {}
        for name in [name for name in models if name in wanted]:
            if name in _pointed_at(client):
                continue  # a rollback came in between
            taken[name] = _Taken(models[name], client.features(str(models[name]["store"])))
            client.delete_model(name)
        used = {str(model["store"]) for model in client.models()}
        stores = [store for store in client.feature_stores() if store in wanted and store not in used]
        for store in stores:
            client.delete_feature_store(store)
        if taken or stores:
            client.reload()
        back = _put_back(client, taken)
        gone = [name for name in [*taken, *stores] if name not in back]
        _tidy_record(client, [name for name in taken if name not in back])
        log.info("pruned %s", gone or "nothing")
        return gone


def _ours(name: str) -> bool:
    return name.startswith(PREFIX)


def _recent(pointer: Pointer, last: int | None) -> set[str]:
    there = [release for release in pointer.releases if release.rq and not release.pruned]
    return {release.model for release in (there if last is None else there[len(there) - min(last, len(there)) :])}


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


def _put_back(client: SolrClient, taken: dict[str, _Taken]) -> set[str]:
    """Put back what a rollback pointed at while it was being deleted; return the names of models and stores."""
    back: set[str] = set()
    for name in sorted(_pointed_at(client) & set(taken)):
        store = str(taken[name].model["store"])
        if not client.features(store):
            client.put_features(store, plain_features(taken[name].features))
        client.put_model(plain_model(taken[name].model))
        back |= {name, store}
        log.warning("a rollback points at %s: it was put back", name)
    if back:
        client.reload()
    return back


def _tidy_record(client: SolrClient, models: Iterable[str]) -> None:
    """Say of these models' releases that they were pruned, in short lines; drop the oldest switches."""
    pointer, gone = read_pointer(client), set(models)
    lines: dict[str, str | None] = {
        f"release_{one.number}": json.dumps(_short(one).to_dict(), sort_keys=True)
        for one in pointer.releases
        if one.model in gone and not one.pruned
    }
    lines |= {f"switch_{one.at}": None for one in pointer.switches[: max(0, len(pointer.switches) - KEPT_SWITCHES)]}
    if lines:
        client.write_paramsets({}, {RELEASES: lines})


def _short(release: Release) -> Release:
    """Return what is worth knowing of a release that cannot serve any more; the lake's copy has all of it."""
    return Release(
        number=release.number,
        model=release.model,
        time=release.time,
        request={},
        approver=release.approver,
        approved_at=release.approved_at,
        family=release.family,
        mlflow_run=release.mlflow_run,
        trained_until=release.trained_until,
        rq=release.rq,
        store=release.store,
        pruned=utc_now(),
    )
