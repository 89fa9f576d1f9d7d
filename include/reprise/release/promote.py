"""Make a candidate live by one write, only if the world is still the one it was compared with; and roll back.

The live model is a pointer in Solr's request parameters. One ``config/params`` write sets what is live, what was, and
the record. Solr takes no expected version from a client, so the check is before the write (what is live now) and
after it (content ours, version exactly one higher, on every replica).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from reprise.errors import ServiceError, SupersededError, UsageError
from reprise.release.candidate import Candidate
from reprise.release.record import LIVE, PREVIOUS, RELEASES, Pointer, Release, Switch, read_pointer, utc_now
from reprise.release.upload import differences
from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)
APPROVAL_AGE = timedelta(days=7)  # wall time
Outcome = Literal["ours", "raced", "lost"]


@dataclass(frozen=True)
class Approval:
    """Who approved (a person, or ``policy``), when (ISO with zone), and the digest of the report they saw."""

    by: str
    at: str
    report: str


def promote(
    client: SolrClient,
    candidate: Candidate,
    expected_live: int,
    approval: Approval,
    lock: AbstractContextManager[object] | None = None,
) -> Release:
    """Return the release that the candidate became; if it is live already, that one, and nothing is written.

    SupersededError: another release is live than the one compared with, ``reprise_live`` was changed by hand, the
    approval is older than 7 days, or somebody wrote at the same time. Then nothing of ours is written again.
    ``lock`` keeps two promotions apart; a rollback takes none.
    """
    with lock or nullcontext():
        seen = read_pointer(client)
        if seen.live is not None and seen.live.sha == candidate.sha:
            return seen.live
        _require_unchanged(seen, expected_live, approval)
        if lost := differences(client, candidate):
            raise UsageError(
                f"{candidate.model!r} is not ready in Solr: {'; '.join(lost)}", "run upload and verify again"
            )
        seen = read_pointer(client)  # again, right before the write: a rollback in between must win
        _require_unchanged(seen, expected_live, approval)
        base = seen.release(expected_live)
        release = _next_release(seen, base, candidate, approval)
        switch = Switch("promote", base.number, release.number, approval.by, f"report {approval.report}", utc_now())
        record = {f"release_{release.number}": json.dumps(release.to_dict(), sort_keys=True)}
        outcome = _write(client, base, release, switch, seen.version, record)
    if outcome != "ours":
        state = "is live, over that write" if outcome == "raced" else "is not live"
        raise SupersededError(
            f"somebody wrote Solr's paramset {LIVE!r} while release {release.number} was promoted; it {state}",
            "see which release is live; roll back, or compare with it and promote again",
        )
    log.info("release %d (%s) is live on %s", release.number, release.model, client.urls)
    return release


def rollback(client: SolrClient, to_release: int | None, reason: str, by: str) -> Release:
    """Make an earlier release live (default: the previous one) and return it; needs nothing but Solr.

    The same single write as promotion, without upload, reload or lock. A lost race is written once more: a rollback
    wins. The release it leaves becomes the previous one, so that going forward again needs no upload either.
    """
    seen = read_pointer(client)
    target = _target(seen, to_release)
    if seen.live == target:
        return target
    _require_present(client, target)
    for _ in range(2):
        left = seen.live or seen.previous or target
        switch = Switch("rollback", left.number, target.number, by, reason, utc_now())
        if _write(client, left, target, switch, seen.version) != "lost":
            log.info("rolled back to release %d (%s) on %s", target.number, target.model, client.urls)
            return target
        seen = read_pointer(client)
    raise ServiceError(
        f"the rollback to release {target.number} was overwritten twice",
        "stop whoever else writes, and roll back again",
    )


def _require_unchanged(seen: Pointer, expected_live: int, approval: Approval) -> None:
    if seen.live is None or seen.live.number != expected_live:
        now = f"release {seen.live.number}" if seen.live else "a paramset changed by hand"
        raise SupersededError(
            f"the report compared with release {expected_live}, but live is {now}", "compare with what is live now"
        )
    age = datetime.now(UTC) - _moment(approval.at)
    if age > APPROVAL_AGE:
        raise SupersededError(
            f"the approval of {approval.by!r} is {age.days} days old, more than {APPROVAL_AGE.days}",
            "compare again and ask for a new approval",
        )


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min
    if moment.tzinfo is None:
        raise UsageError(f"the approval's time {text!r} is no ISO time with a zone", "pass such a time")
    return moment


def _target(seen: Pointer, to_release: int | None) -> Release:
    if to_release is not None:
        return seen.release(to_release)
    if seen.previous is None or seen.previous == seen.live:
        raise UsageError("there is no previous release", "name one with --to; release 0 is the engine's own order")
    return seen.previous


def _require_present(client: SolrClient, target: Release) -> None:
    """Ensure that every replica can answer with a release; one that cannot would answer every search with 400."""
    if not target.rq:
        return
    for url in client.urls:
        if client.model(target.model, url) is None or not client.features(target.store, url):
            raise UsageError(
                f"release {target.number} cannot be served: {target.model!r} is not on {url} any more",
                "choose a release whose model is there; release 0 always works",
            )


def _next_release(seen: Pointer, base: Release, candidate: Candidate, approval: Approval) -> Release:
    return Release(
        number=seen.releases[-1].number + 1,
        model=candidate.model,
        time=utc_now(),
        request=base.request,
        approver=approval.by,
        approved_at=approval.at,
        rq=candidate.rq,
        store=candidate.store,
        family=candidate.family,
        sha=candidate.sha,
        features=[str(feature["name"]) for feature in candidate.features],
        behaviour_fields=list(candidate.behaviour_fields),
        mlflow_run=candidate.mlflow_run_id,
        trained_until=candidate.trained_until,
        report=approval.report,
        parameters=candidate.parameters,
    )


def _write(
    client: SolrClient,
    left: Release,
    target: Release,
    switch: Switch,
    version: int,
    record: Mapping[str, str] | None = None,
) -> Outcome:
    """Point at ``target`` by one write and say what became of it.

    ``ours``: on every replica as written, and the only write since ``version``. ``raced``: as written, but another
    write came between. ``lost``: some replica points elsewhere.
    """
    log_entry = {f"switch_{switch.at}": json.dumps(asdict(switch), sort_keys=True)}
    pointers = {LIVE: target.paramset(), PREVIOUS: left.paramset()}
    client.write_paramsets(pointers, {RELEASES: {**(record or {}), **log_entry}})
    found = [read_pointer(client, url) for url in client.urls]
    if any(pointer.live != target for pointer in found):
        return "lost"
    return "ours" if all(pointer.version == version + 1 for pointer in found) else "raced"
