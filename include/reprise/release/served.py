"""Which behaviour fields Solr has to keep up to date: those of what is live, what was, and what waits for a review."""

from __future__ import annotations

from reprise.release.candidate import PREFIX
from reprise.release.record import read_pointer
from reprise.solr.client import SolrClient

_BEHAVIOUR = "beh_"


def served_fields(client: SolrClient) -> list[str]:
    """Return the behaviour fields of the live and the previous release, and of staged models, sorted.

    A staged model is one of ours that no release recorded yet. Fields of older releases stand still.
    """
    pointer = read_pointer(client)
    current = [release for release in (pointer.live, pointer.previous) if release]
    recorded = {release.model for release in pointer.releases}
    staged = [m for m in client.models() if str(m["name"]).startswith(PREFIX) and m["name"] not in recorded]
    found = {name for release in current for name in release.behaviour_fields}
    for store in sorted({str(model["store"]) for model in staged}):
        found |= {str((feature.get("params") or {}).get("field", "")) for feature in client.features(store)}
    return sorted(name for name in found if name.startswith(_BEHAVIOUR))
