"""The queries for people to look at: those that moved most by traffic, for better or worse, without saying which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.gate.beside import champion_release, serving
from reprise.gate.gains import moved
from reprise.gate.paired import paired
from reprise.gate.why import texts

if TYPE_CHECKING:
    from reprise.plan import Plan

MOST = 200


def write(plan: Plan, family: str) -> str:
    """Write ``runs/<run>/gate/moved.json`` for a candidate; return in words what is in it.

    Only queries that enough listeners searched; half of them at most are of those that gained, half of those that
    lost, by the deciding metric.
    """
    lake = plan.open_lake()
    test = paired(lake.read("scores", plan.models_version, [plan.partition]), "test")
    both = moved(test, family, serving(champion_release(plan, lake)), texts(plan), "", MOST // 2)
    found = {one.query: one.searches for side in both for one in side if one.query}
    queries = [{"query": text, "searches": found[text]} for text in sorted(found, key=lambda t: (-found[t], t))]
    lake.put_json(f"runs/{plan.run}/gate/moved.json", {"family": family, "queries": queries})
    return f"{len(queries)} queries to look at"
