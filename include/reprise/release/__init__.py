"""Releases: a candidate is uploaded, proven in Solr, made live by one write, and taken back by one write."""

from reprise.release.candidate import Candidate
from reprise.release.promote import Approval, promote, rollback
from reprise.release.prune import prune
from reprise.release.record import Release, champion, ensure_release_zero, live, releases
from reprise.release.upload import Uploaded, upload
from reprise.release.verify import Probe, Verification, verify

__all__ = [
    "Approval",
    "Candidate",
    "Probe",
    "Release",
    "Uploaded",
    "Verification",
    "champion",
    "ensure_release_zero",
    "live",
    "promote",
    "prune",
    "releases",
    "rollback",
    "upload",
    "verify",
]
