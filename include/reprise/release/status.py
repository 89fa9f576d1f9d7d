"""What is live, on every replica, since when, how old, and who let it: asked of Solr alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from reprise.errors import RepriseError
from reprise.release.intact import trouble
from reprise.release.record import Pointer, Release, Switch, read_pointer
from reprise.solr.client import SolrClient


@dataclass(frozen=True)
class ReplicaState:
    """One replica: the release it answers with (None: unknown), and what is wrong there ("": nothing)."""

    url: str
    release: int | None
    trouble: str = ""


@dataclass(frozen=True)
class Status:
    """What is live. ``live`` is None where ``reprise_live`` is not what any release recorded.

    ``since``: when it last became live, ISO, UTC. ``age_days``: days since the last day it learned from; None for
    the engine's own order, which learned nothing. ``lanes``: paramset → the release that answers a search with it.
    """

    live: Release | None
    since: str
    age_days: int | None
    previous: Release | None
    replicas: list[ReplicaState]
    releases: list[Release]
    switches: list[Switch]
    lanes: dict[str, int | None] = field(default_factory=dict)

    @property
    def agreed(self) -> bool:
        """Whether every replica answers, with one recorded release that is there unaltered."""
        return self.live is not None and not any(one.trouble for one in self.replicas)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return {**asdict(self), "agreed": self.agreed}


def status(client: SolrClient, today: date | None = None) -> Status:
    """Return what is live on every replica; a replica that does not answer is part of the answer.

    ``today`` is the day that age counts to, by default the date in UTC. No replica that answers is an error.
    """
    pointers: dict[str, Pointer] = {}
    silent: dict[str, RepriseError] = {}
    for url in client.urls:
        try:
            pointers[url] = read_pointer(client, url)
        except RepriseError as error:
            silent[url] = error
    if not pointers:
        raise next(iter(silent.values()))
    first = next(iter(pointers.values()))
    replicas = [
        ReplicaState(url, None, silent[url].problem) if url in silent else _state(client, url, pointers[url], first)
        for url in client.urls
    ]
    return Status(
        live=first.live,
        since=since(first),
        age_days=_age(first.live, today or datetime.now(UTC).date()),
        previous=first.previous,
        replicas=replicas,
        releases=first.releases,
        switches=first.switches,
        lanes=first.lanes,
    )


def since(pointer: Pointer) -> str:
    """Return when the live release last became live, ISO, UTC; "" where nothing recorded is live."""
    if pointer.live is None:
        return ""
    number = pointer.live.number
    arrived = [switch.at for switch in pointer.switches if switch.to_release == number]
    return arrived[-1] if arrived else pointer.live.time


def _state(client: SolrClient, url: str, pointer: Pointer, first: Pointer) -> ReplicaState:
    live = pointer.live
    if live is None:
        return ReplicaState(url, None, "its live paramset is not what any release recorded")
    if live != first.live:
        return ReplicaState(url, live.number, f"it answers with release {live.number}, unlike {client.pinned}")
    try:
        return ReplicaState(url, live.number, trouble(client, live, url) if live.rq else "")
    except RepriseError as error:
        return ReplicaState(url, live.number, error.problem)


def _age(release: Release | None, today: date) -> int | None:
    if release is None or not release.trained_until:
        return None
    return (today - date.fromisoformat(release.trained_until)).days
