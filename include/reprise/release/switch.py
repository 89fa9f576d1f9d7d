"""The one write that changes what is live, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal

from reprise.release.record import LIVE, PREVIOUS, RELEASES, Release, Switch, read_pointer
from reprise.solr.client import SolrClient

Outcome = Literal["ours", "raced", "lost"]


def write(
    client: SolrClient,
    left: Release,
    target: Release,
    switch: Switch,
    record: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> None:
    """Point at ``target`` by one write to the pinned replica; ``left`` becomes the previous release."""
    log_entry = {f"switch_{switch.at}": json.dumps(asdict(switch), sort_keys=True)}
    pointers = {LIVE: target.paramset(), PREVIOUS: left.paramset()}
    client.write_paramsets(pointers, {RELEASES: {**(record or {}), **log_entry}}, timeout_s)


def outcome(client: SolrClient, target: Release, version: int, urls: Sequence[str]) -> Outcome:
    """Say what became of a write over ``version`` by asking these replicas.

    ``ours``: everywhere as written, and the only write since. ``raced``: as written, but another write came
    between. ``lost``: some replica points elsewhere.
    """
    found = [read_pointer(client, url) for url in urls]
    if any(pointer.live != target for pointer in found):
        return "lost"
    return "ours" if all(pointer.version == version + 1 for pointer in found) else "raced"
