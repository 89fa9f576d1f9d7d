"""Releases: a candidate is uploaded, proven in Solr, made live by one write, and taken back by one write."""

from reprise.release.candidate import Candidate
from reprise.release.promote import Approval, promote
from reprise.release.prune import prunable, prune
from reprise.release.record import Release, champion, ensure_release_zero, live, releases
from reprise.release.rollback import RolledBack, rollback
from reprise.release.status import ReplicaState, Status, status
from reprise.release.upload import Uploaded, upload
from reprise.release.verify import Probe, Verification, verify

__all__ = [
    "Approval",
    "Candidate",
    "Probe",
    "Release",
    "ReplicaState",
    "RolledBack",
    "Status",
    "Uploaded",
    "Verification",
    "champion",
    "ensure_release_zero",
    "live",
    "promote",
    "prunable",
    "prune",
    "releases",
    "rollback",
    "status",
    "upload",
    "verify",
]
