"""The queries for people to look at: those that moved most by traffic, for better or worse, without saying which.

First come those in which people preferred what was live when they compared the last candidates: ``again`` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.experts.preferences import lost
from reprise.gate.beside import champion_release, serving
from reprise.gate.gains import asked_groups, moved, shown_texts
from reprise.gate.paired import paired

if TYPE_CHECKING:
    from reprise.plan import Plan

MOST = 200


def write(plan: Plan, family: str) -> str:
    """Write ``runs/<run>/gate/moved.json`` for a candidate; return in words what is in it.

    Of what moved only queries that enough listeners searched; half of them at most are of those that gained, half of
    those that lost, by the deciding metric. ``searches``: in the test block, None where it has too few to say.
    """
    lake = plan.open_lake()
    test = paired(lake.read("scores", plan.models_version, [plan.partition]), "test")
    texts = shown_texts(plan, asked_groups(plan))
    both = moved(test, family, serving(champion_release(plan, lake)), texts, "", MOST // 2)
    found = {one.query: one.searches for side in both for one in side if one.query}
    again = [{"query": text, "searches": found.pop(text, None), "again": True} for text in lost(lake, plan.run)]
    most = [{"query": text, "searches": found[text]} for text in sorted(found, key=lambda t: (-found[t], t))]
    queries = [*again, *most][:MOST]
    lake.put_json(f"runs/{plan.run}/gate/moved.json", {"family": family, "queries": queries})
    return f"{len(queries)} queries to look at"
