"""The record of releases, kept in Solr itself: paramsets that say what is live, what was, and all there were.

``reprise_live`` and ``reprise_previous`` are what a search names by ``useParams``: the request, the whole ``rq`` (none
for the engine's own order), and ``reprise.release``, so that an answer tells which release made it. ``reprise_hold`` is
release 0 for ever, for the few listeners that an application holds out: no switch touches it.
``reprise_releases`` holds one JSON text per release and per switch. Solr's paramsets are the truth; copies in the
lake and MLflow are mirrors.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from reprise.errors import ServiceError, UsageError
from reprise.settings import Request
from reprise.solr.client import SolrClient

LIVE, PREVIOUS, RELEASES = "reprise_live", "reprise_previous", "reprise_releases"
HOLD = "reprise_hold"
NUMBER = "reprise.release"  # the request parameter that names the release behind an answer
ENGINE_ORDER = "engine-order"
_META = ""  # Solr keeps a paramset's version under the empty key


@dataclass(frozen=True)
class Release:
    """One release; release 0 has no ``rq``.

    ``time`` (when it first went live) and ``approved_at`` are ISO, UTC; ``trained_until`` is the last labelled day;
    ``report`` is the digest of the gate report that was approved; ``pruned`` is when its model was taken out of
    Solr, "" while it is there. ``parameters`` are the candidate's; where a search
    does not send one, its default is in the paramset, since Solr fails a search that refers to what is not there.
    """

    number: int
    model: str
    time: str
    request: dict[str, str]
    approver: str
    approved_at: str
    rq: str = ""
    store: str = ""
    family: str = ""
    sha: str = ""
    features: list[str] = field(default_factory=list)
    behaviour_fields: list[str] = field(default_factory=list)
    mlflow_run: str = ""
    trained_until: str = ""
    report: str = ""
    pruned: str = ""
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def paramset(self) -> dict[str, str]:
        """Return the request parameters with which a search is answered by this release."""
        unsent = {name: str(one["default"]) for name, one in self.parameters.items()}
        return {**self.request, **unsent, NUMBER: str(self.number), **({"rq": self.rq} if self.rq else {})}

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return asdict(self)


@dataclass(frozen=True)
class Switch:
    """One change of what is live: release numbers, who, why, when (ISO, UTC)."""

    action: str
    from_release: int
    to_release: int
    by: str
    reason: str
    at: str


@dataclass(frozen=True)
class Pointer:
    """What one replica says: ``live`` is None where ``reprise_live`` is not what any record says.

    ``version`` is Solr's own count of writes to ``reprise_live``; ``hold`` is the release of ``reprise_hold``, None
    where there is no such paramset, or it is no release.
    """

    live: Release | None
    previous: Release | None
    version: int
    releases: list[Release]
    switches: list[Switch]
    hold: Release | None = None

    @property
    def lanes(self) -> dict[str, int | None]:
        """What an application may name by ``useParams``, each with the release that it is answered by."""
        named = {LIVE: self.live, HOLD: self.hold, PREVIOUS: self.previous}
        return {name: release.number if release else None for name, release in named.items()}

    def release(self, number: int) -> Release:
        """Return a release by number; unknown: UsageError with the numbers there are."""
        for release in self.releases:
            if release.number == number:
                return release
        known = ", ".join(str(release.number) for release in self.releases)
        raise UsageError(f"there is no release {number}", f"choose one of: {known}")


def read_pointer(client: SolrClient, url: str | None = None) -> Pointer:
    """Return what a replica (default: the pinned one) says is live, was live, and was ever released."""
    return parse_pointer(client.paramsets(url), url or client.pinned, client.core)


def parse_pointer(paramsets: dict[str, dict[str, Any]], url: str, core: str) -> Pointer:
    """Return the pointer that a core's paramsets spell."""
    records = paramsets.get(RELEASES)
    if not records or "release_0" not in records:
        raise UsageError(
            f"Solr's core {core!r} at {url} has no releases", "run `reprise sandbox up` or record release 0"
        )
    try:
        # What pruning drops is null from then on: a merge can empty a key, but not remove it (measured on 8.11.4).
        lines = {key: text for key, text in records.items() if text is not None}
        releases = [Release(**_known(Release, text)) for key, text in lines.items() if key.startswith("release_")]
        switches = [Switch(**_known(Switch, text)) for key, text in lines.items() if key.startswith("switch_")]
    except (ValueError, TypeError) as error:
        raise ServiceError(
            f"Solr's paramset {RELEASES!r} in {core!r} at {url} is damaged: {error}",
            "restore it from the lake's copy of the record",
        ) from None
    releases.sort(key=lambda release: release.number)
    by_paramset = {json.dumps(release.paramset(), sort_keys=True): release for release in releases}

    def pointed(name: str) -> Release | None:
        own = {key: value for key, value in paramsets.get(name, {}).items() if key != _META}
        return by_paramset.get(json.dumps(own, sort_keys=True))

    version = int(paramsets.get(LIVE, {}).get(_META, {}).get("v", -1))
    switches.sort(key=lambda switch: switch.at)
    return Pointer(pointed(LIVE), pointed(PREVIOUS), version, releases, switches, pointed(HOLD))


def _known(record: type, text: str) -> dict[str, Any]:
    """Return a record's fields, without those that only a later version writes: a rollback must still work."""
    names = {entry.name for entry in fields(record)}
    return {name: value for name, value in json.loads(text).items() if name in names}


def live(client: SolrClient) -> Release:
    """Return the release that is live; ServiceError where ``reprise_live`` was changed by another hand."""
    release = read_pointer(client).live
    if release is None:
        raise ServiceError(
            f"Solr's paramset {LIVE!r} in {client.core!r} is not what any release recorded",
            "somebody changed it by hand: `reprise release rollback --to N` sets it right",
        )
    return release


def releases(client: SolrClient) -> list[Release]:
    """Return all releases, oldest first; release 0 is the engine's own order."""
    return read_pointer(client).releases


def champion(client: SolrClient) -> dict[str, Any]:
    """Return the live release with its Solr model (None for release 0) and its features, JSON-ready."""
    release = live(client)
    if not release.rq:
        return {"release": release.to_dict(), "model": None, "features": []}
    model = client.model(release.model)
    if model is None:
        raise ServiceError(
            f"the live model {release.model!r} is not in Solr's core {client.core!r}",
            "roll back to a release whose model is there; release 0 always works",
        )
    features = [
        {key: value for key, value in feature.items() if key != "store"} for feature in client.features(release.store)
    ]
    return {"release": release.to_dict(), "model": model, "features": features}


def ensure_release_zero(client: SolrClient, request: Request) -> Release:
    """Return release 0, the engine's own order of this request; record it and make it live if there is none.

    ``reprise_hold`` is then release 0, whatever it was. A record of another request is a UsageError: releases were
    compared under that request.
    """
    known = client.paramsets().get(RELEASES)
    if known and "release_0" in known:
        pointer = read_pointer(client)
        zero = pointer.release(0)
        if zero.request != request.params:
            raise UsageError(
                f"release 0 in Solr's core {client.core!r} was recorded with the request {zero.request}, "
                f"but solr.yaml has {request.params}",
                "restore request.params in solr.yaml, or begin with a new core",
            )
        if pointer.hold != zero:
            client.write_paramsets({HOLD: zero.paramset()})
        return zero
    now = utc_now()
    zero = Release(
        number=0, model=ENGINE_ORDER, time=now, request=dict(request.params), approver="setup", approved_at=now
    )
    record = {"release_0": json.dumps(zero.to_dict(), sort_keys=True)}
    client.write_paramsets({**dict.fromkeys((LIVE, PREVIOUS, HOLD), zero.paramset()), RELEASES: record})
    return live(client)


def utc_now() -> str:
    """Return the wall time, ISO, UTC, to the microsecond (so that switches sort as they happened)."""
    return datetime.now(UTC).isoformat()
