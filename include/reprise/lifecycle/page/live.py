"""The first tab: what is live, since when, how old, and what could be put back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from reprise.lifecycle.page.places import deployment_of, solr_of


def live(name: str) -> dict[str, Any]:
    """Return what Solr says is live, on every replica, and the releases that it may be rolled back to."""
    from reprise import release

    deployment = deployment_of(name)
    with solr_of(deployment) as client:
        found = release.status(client)
    return {
        "deployment": deployment.name,
        "live": found.live.to_dict() if found.live else None,
        "since": found.since,
        "age_days": found.age_days,
        "old_after_days": deployment.gate.policy.refresh_after_days,
        "previous": found.previous.number if found.previous else None,
        "replicas": [asdict(one) for one in found.replicas],
        "agreed": found.agreed,
        "switches": [asdict(switch) for switch in reversed(found.switches[-20:])],
        "releases": [
            {"number": one.number, "model": one.model, "time": one.time, "family": one.family, "pruned": one.pruned}
            for one in reversed(found.releases)
        ],
        "lanes": found.lanes,
    }
