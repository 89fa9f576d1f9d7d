"""What a listener would see: the first results of what is live and of a candidate, side by side, from the real Solr."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from reprise.errors import UsageError
from reprise.features.catalogue import defaults, parameter_values
from reprise.release.candidate import Candidate
from reprise.release.record import LIVE, Release, champion
from reprise.settings import Solr
from reprise.solr.client import SolrClient
from reprise.solr.shapley import contributions

Side = Literal["left", "right"]
Ranker = Literal["candidate", "live"]


@dataclass(frozen=True)
class Shown:
    """One result: its id, and the fields that tell a person what it is."""

    id: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Sides:
    """Two lists without names. ``key`` says which is whose, and is not for the eyes of who compares them."""

    left: list[Shown]
    right: list[Shown]
    key: dict[Side, Ranker]

    @property
    def equal(self) -> bool:
        """Whether both show the same items in the same order."""
        return [one.id for one in self.left] == [one.id for one in self.right]


@dataclass(frozen=True)
class Why:
    """What put one item above another in a ranker's eyes: feature, both values, and what it adds to the lead."""

    above: str
    below: str
    lead: float
    parts: list[tuple[str, float, float, float]]


def asked(parameters: Mapping[str, Any], text: str) -> dict[str, str]:
    """Return what the application sends with a text for a ranker; what it knows of a listener is left at defaults."""
    return {**defaults(parameters), "q": text, **parameter_values(parameters, text, {})}


def candidates_request(solr: Solr, candidate: Candidate, text: str) -> dict[str, Any]:
    """Return the search by which a candidate that is not live answers a text."""
    return {**solr.request.params, **asked(candidate.parameters, text), "rq": candidate.rq}


def live_request(release: Release, text: str) -> dict[str, Any]:
    """Return the search by which what is live answers a text, as the application sends it."""
    return {**asked(release.parameters, text), "useParams": LIVE}


def sides(client: SolrClient, solr: Solr, live: Release, candidate: Candidate, text: str, seed: str) -> Sides:
    """Return both lists for a text, left and right by a hash of ``seed`` and text: the same for one who looks again."""
    wanted = {"fl": ",".join([client.id_field, *solr.serving.show]), "rows": solr.request.rows}
    searches = [{**candidates_request(solr, candidate, text), **wanted}, {**live_request(live, text), **wanted}]
    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(lambda search: _shown(client, solr, search), searches)
    if hashlib.sha256(f"{seed}\n{text}".encode()).digest()[0] & 1:
        return Sides(ours, theirs, {"left": "candidate", "right": "live"})
    return Sides(theirs, ours, {"left": "live", "right": "candidate"})


def why(client: SolrClient, solr: Solr, ranker: Candidate | None, text: str, above: str, below: str) -> Why:
    """Return why a ranker (a candidate; None: what is live) puts one item of a search above another.

    The parts add up to the difference of the scores; those that bring nothing are left out. An item that the search
    does not find is a UsageError, as is the engine's own order: it has no features.
    """
    model, store, efi, request = _ranker(client, solr, ranker, text)
    found = client.log_features(store, request, efi, solr.request.handler, ids=[above, below])
    if missing := [item for item in (above, below) if item not in found.ids]:
        raise UsageError(f"{text!r} does not find {', '.join(missing)}", "choose two items of its list")
    rows = [found.values[[found.ids.index(item)]] for item in (above, below)]
    brought = contributions(model, rows[0], rows[1], found.names)
    parts = [
        (name, float(rows[0][0, n]), float(rows[1][0, n]), float(brought[name][0]))
        for n, name in enumerate(found.names)
        if name in brought and brought[name][0]
    ]
    parts.sort(key=lambda part: -abs(part[3]))
    return Why(above, below, sum(part[3] for part in parts), parts)


def _ranker(
    client: SolrClient, solr: Solr, ranker: Candidate | None, text: str
) -> tuple[Mapping[str, Any], str, dict[str, str], dict[str, Any]]:
    if ranker is not None:
        request = {**solr.request.params, **asked(ranker.parameters, text)}
        return ranker.model_json, ranker.store, ranker.rq_efi, request
    serving = champion(client)
    if serving["model"] is None:
        raise UsageError("what is live is the engine's own order", "it ranks by its own score and has no features")
    release = Release(**serving["release"])
    passed = [part.removeprefix("efi.").split("=", 1) for part in release.rq.strip("{}").split() if part[:4] == "efi."]
    return serving["model"], release.store, dict(passed), {**release.request, **asked(release.parameters, text)}


def _shown(client: SolrClient, solr: Solr, search: Mapping[str, Any]) -> list[Shown]:
    documents = client.select(search, solr.request.handler).body["response"]["docs"]
    return [Shown(str(one[client.id_field]), _told(one, solr.serving.show)) for one in documents]


def _told(document: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    found = {name: document[name] for name in names if name in document}
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in found.items()
    }
