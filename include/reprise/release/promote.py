"""Make a candidate live by one write, only if the world is still the one it was compared with.

The live model is a pointer in Solr's request parameters. One ``config/params`` write sets what is live, what was, and
the record. Solr takes no expected version from a client, so the check is before the write (what is live now) and
after it (content ours, version exactly one higher, on every replica).
"""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reprise.errors import SupersededError, UsageError
from reprise.release.candidate import Candidate
from reprise.release.fence import Lock, require
from reprise.release.record import LIVE, Pointer, Release, Switch, read_pointer, utc_now
from reprise.release.switch import outcome, write
from reprise.release.upload import differences
from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)
APPROVAL_AGE = timedelta(days=7)  # wall time


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
    lock: Lock | None = None,
) -> Release:
    """Return the release that the candidate became; if it is live already, that one, and nothing is written.

    SupersededError: another release is live than the one compared with, ``reprise_live`` was changed by hand, the
    approval is older than 7 days, or somebody wrote at the same time. Then nothing of ours is written again.
    ``lock`` keeps two promotions apart; a rollback takes none.
    """
    with lock or nullcontext() as held:
        seen = read_pointer(client)
        if seen.live is not None and seen.live.sha == candidate.sha:
            return seen.live
        _require_unchanged(seen, expected_live, approval)
        if lost := differences(client, candidate):
            raise UsageError(
                f"{candidate.model!r} is not ready in Solr: {'; '.join(lost)}", "run upload and verify again"
            )
        require(held)
        seen = read_pointer(client)  # again, right before the write: a rollback in between must win
        _require_unchanged(seen, expected_live, approval)
        base = seen.release(expected_live)
        release = _next_release(seen, base, candidate, approval)
        switch = Switch("promote", base.number, release.number, approval.by, f"report {approval.report}", utc_now())
        record = {f"release_{release.number}": json.dumps(release.to_dict(), sort_keys=True)}
        write(client, base, release, switch, record)
        became = outcome(client, release, seen.version, client.urls)
    if became != "ours":
        state = "is live, over that write" if became == "raced" else "is not live"
        raise SupersededError(
            f"somebody wrote Solr's paramset {LIVE!r} while release {release.number} was promoted; it {state}",
            "see which release is live; roll back, or compare with it and promote again",
        )
    log.info("release %d (%s) is live on %s", release.number, release.model, client.urls)
    return release


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
