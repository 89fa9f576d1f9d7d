"""Put an earlier release back by one write; Solr alone is enough, and one living replica of it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from reprise.errors import RepriseError, ServiceError, UnavailableError, UsageError
from reprise.release.intact import trouble
from reprise.release.record import Pointer, Release, Switch, read_pointer, utc_now
from reprise.release.switch import write
from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)
_PATIENCE_S = 5.0  # where a replica is away: SolrCloud would wait half a minute for it, with everything written


@dataclass(frozen=True)
class RolledBack:
    """The release that is live now, and the replicas that could not confirm it: address → why."""

    release: Release
    unconfirmed: dict[str, str] = field(default_factory=dict)


def rollback(client: SolrClient, to_release: int | None, reason: str, by: str) -> RolledBack:
    """Make an earlier release live (default: the previous one) on every replica that answers.

    The same single write as promotion, without upload, reload or lock. A lost race is written once more: a rollback
    wins. The release it leaves becomes the previous one, so that going forward again needs no upload either. Where
    the target is live already but a replica points elsewhere, it is written again. A release that some replica
    does not hold as it was released is a UsageError, and nothing is written; so is one that is pruned meanwhile,
    and then what was live is live again, or release 0.
    """
    pointers, away = _ask(client)
    seen = next(iter(pointers.values()))
    target = _target(seen, to_release)
    if all(pointer.live == target for pointer in pointers.values()):
        return RolledBack(target, away)
    _require_intact(client, target, list(pointers))
    left = seen.live or seen.previous or target
    away = _switch(client, left, target, reason, by, away)
    _require_kept(client, target, left, by, away)
    log.info("rolled back to release %d (%s) on %s", target.number, target.model, sorted(set(client.urls) - set(away)))
    return RolledBack(target, away)


def _ask(client: SolrClient) -> tuple[dict[str, Pointer], dict[str, str]]:
    """Return what each replica points at, the first that answers pinned, and why the others do not answer."""
    pointers: dict[str, Pointer] = {}
    away: dict[str, str] = {}
    first: RepriseError | None = None
    for url in client.urls:
        try:
            pointers[url] = read_pointer(client, url)
        except RepriseError as error:
            away[url], first = error.problem, first or error
    if not pointers:
        assert first is not None
        raise first
    if client.pinned in away:
        client.pin(next(iter(pointers)))
    return pointers, away


def _target(seen: Pointer, to_release: int | None) -> Release:
    if to_release is not None:
        return seen.release(to_release)
    if seen.previous is None or seen.previous == seen.live:
        raise UsageError("there is no previous release", "name one with --to; release 0 is the engine's own order")
    return seen.previous


def _require_intact(client: SolrClient, target: Release, urls: list[str]) -> None:
    """Ensure that these replicas can answer with a release; one that cannot would answer every search with 400."""
    if target.pruned:
        raise UsageError(
            f"release {target.number} cannot be served: it was pruned on {target.pruned[:10]}",
            "choose a release whose model is there; release 0 always works",
        )
    for url in urls:
        if target.rq and (wrong := trouble(client, target, url)):
            raise UsageError(
                f"release {target.number} cannot be served: {wrong}",
                "choose a release whose model is there; release 0 always works",
            )


def _switch(
    client: SolrClient, left: Release, target: Release, reason: str, by: str, away: dict[str, str]
) -> dict[str, str]:
    """Write until every living replica points at the target, at most twice; return the replicas that do not answer."""
    for _ in range(2):
        switch = Switch("rollback", left.number, target.number, by, reason, utc_now())
        try:
            write(client, left, target, switch, timeout_s=_PATIENCE_S if away else None)
        except (UnavailableError, ServiceError) as error:
            # Solr waits for all replicas and may complain of one that is away though it has written.
            log.warning("the write was answered with: %s", error.problem)
        pointers, away = _ask(client)
        if all(pointer.live == target for pointer in pointers.values()):
            return away
    raise ServiceError(
        f"the rollback to release {target.number} was overwritten twice",
        "stop whoever else writes, and roll back again",
    )


def _require_kept(client: SolrClient, target: Release, left: Release, by: str, away: dict[str, str]) -> None:
    """Ensure that nobody pruned the target between the look at it and the write; else go back from it at once."""
    living = [url for url in client.urls if url not in away]
    try:
        _require_intact(client, target, living)
    except UnavailableError as error:
        log.warning("rolled back, and then a replica went away: %s", error.problem)
    except UsageError as lost:
        refuge = left
        try:
            _require_intact(client, left, living)
        except UsageError:
            refuge = read_pointer(client).release(0)
        _switch(client, target, refuge, f"release {target.number} has gone meanwhile", by, away)
        raise UsageError(f"{lost.problem}; release {refuge.number} is live", lost.remedy) from None
