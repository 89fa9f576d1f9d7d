"""Golden queries on the page: what is expected, whether what is live holds it, and records of more."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reprise.lifecycle.page.places import deployment_of, lake_of, solr_of

if TYPE_CHECKING:
    from reprise.experts.golden import Rule, Strength


def golden(name: str) -> dict[str, Any]:
    """Return every expectation that counts, and what becomes of it under what is live."""
    from reprise.experts.golden import load
    from reprise.release.golden import check_live

    held = check_live(deployment_of(name), load(lake_of(name)))
    return {"expectations": [{**asdict(one.expectation), "outcome": one.outcome, "rank": one.rank} for one in held]}


def add(name: str, query: str, item: str, rule: Rule, strength: Strength, why: str, user: str) -> dict[str, Any]:
    """Record an expectation of an item that Solr holds."""
    from reprise.experts import golden as records

    with solr_of(deployment_of(name)) as client:
        records.require_item(client, item)
    expectation = records.Expectation(query, item, rule, strength, user, why=why)
    records.add(lake_of(name), expectation)
    return {"recorded": expectation.in_words}


def retire(name: str, query: str, item: str, rule: Rule, why: str, user: str) -> dict[str, Any]:
    """Let an expectation count no more."""
    from reprise.experts import golden as records

    expectation = records.Expectation(query, item, rule)
    records.retire(lake_of(name), expectation, user, why)
    return {"retired": expectation.in_words}
