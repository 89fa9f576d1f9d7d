"""The second tab: what waits for a review, in plain words, and beside what is live for any query, without names.

Which side is whose is told only to somebody who has said which they prefer. The server works it out anew from run,
query and log-in each time, so it is nowhere in what the browser holds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reprise.errors import MissingDataError, UsageError
from reprise.experts import preferences
from reprise.lifecycle.page.places import solr_of

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.plan import Plan
    from reprise.release import Candidate
    from reprise.release.lists import Side, Sides


def report(plan: Plan) -> dict[str, Any]:
    """Return the gate report of a run in plain words, the queries that moved most, and whether it still holds.

    ``digest`` names the report as an approval does. Queries carry their traffic, and not for whom they speak.
    """
    from reprise.gate.report import load_report
    from reprise.lifecycle.records import report_digest
    from reprise.release import live

    lake = plan.open_lake()
    found = load_report(lake, plan.run)
    content = lake.store.get(f"runs/{plan.run}/gate/report.json") or b""
    with solr_of(plan.deployment) as client:
        serving = live(client).number
    compared = int((plan.champion or {}).get("number", 0))
    superseded = "" if serving == compared else f"compared with release {compared}, but release {serving} is live now"
    gain = found.comparison
    return {
        "run": plan.run,
        "family": found.family,
        "champion": found.champion,
        "first": found.test_first,
        "last": found.test_last,
        "answer": found.answer,
        "reason": found.reason,
        "gain": [gain.difference, gain.lower, gain.upper],
        "queries_compared": gain.queries,
        "checks": [{"question": one.question, "outcome": one.outcome, "reason": one.reason} for one in found.checks],
        "digest": report_digest(content),
        "superseded": superseded,
        "queries": queries(plan),
    }


def queries(plan: Plan) -> list[dict[str, Any]]:
    """Return the queries to look at, as `gate.moved` wrote them; of a run without, those that its report names."""
    from reprise.gate.report import hidden, load_report

    moved = plan.open_lake().get_json(f"runs/{plan.run}/gate/moved.json")
    if moved is not None:
        return list(moved["queries"])
    found, nobody = load_report(plan.open_lake(), plan.run), hidden(plan.deployment.logs.privacy.min_users_per_query)
    texts = {one.query: one.searches for one in [*found.winners, *found.losers] if one.query != nobody}
    return [{"query": text, "searches": texts[text]} for text in sorted(texts, key=lambda text: (-texts[text], text))]


def sides(plan: Plan, query: str, user: str) -> dict[str, Any]:
    """Return both lists for a query, and nothing that tells them apart; what this user said of it, if they did."""
    found = _sides(plan, query, user)
    said = preferences.said(plan.open_lake(), plan.run, query, user)
    return {
        "query": query,
        "left": [{"id": one.id, **one.fields} for one in found.left],
        "right": [{"id": one.id, **one.fields} for one in found.right],
        "equal": found.equal,
        "preferred": said.preferred if said else None,
        **(_told(plan, found) if said else {}),
    }


def prefer(plan: Plan, query: str, preferred: preferences.Side, user: str) -> dict[str, Any]:
    """Keep which side somebody prefers, and return which was whose."""
    found = _sides(plan, query, user)
    ranker = "neither" if preferred == "neither" else found.key[preferred]
    now = datetime.now(UTC).isoformat()
    preferences.keep(plan.open_lake(), preferences.Preference(plan.run, query, preferred, ranker, user, now))
    return _told(plan, found)


def why(plan: Plan, query: str, side: Side, above: str, below: str, user: str) -> dict[str, Any]:
    """Return why one side has one item above another, once this user has said which side they prefer."""
    from dataclasses import asdict

    from reprise.release import lists

    if not preferences.said(plan.open_lake(), plan.run, query, user):
        raise UsageError("reasons would tell which side is whose", "say first which side you prefer")
    candidate = candidate_of(plan)
    with solr_of(plan.deployment) as client:
        key = _key(plan, query, user, client, candidate).key
        ranker = candidate if key[side] == "candidate" else None
        found = lists.why(client, plan.deployment.solr, ranker, query, above, below)
    meanings = {feature.name: feature.meaning for feature in plan.deployment.solr.features}
    parts = [
        {"feature": feature, "above": ours, "below": theirs, "brings": brings, "meaning": meanings.get(feature, "")}
        for feature, ours, theirs, brings in found.parts
    ]
    return {**asdict(found), "parts": parts}


def grade(lake: Lake, query: str, grades: dict[str, int], user: str) -> dict[str, Any]:
    """Keep somebody's grades of a query's items; all of them are published as one import."""
    from reprise.experts.grades import Grade
    from reprise.experts.store import save

    if not query.strip() or not grades:
        raise UsageError("there is nothing to keep", "grade at least one item of a query")
    today = datetime.now(UTC).date().isoformat()
    rows = [Grade(query, item, value, user, today) for item, value in sorted(grades.items())]
    return {"kept": len(rows), "new": save(lake, rows, "ranking page")}


def _sides(plan: Plan, query: str, user: str) -> Sides:
    candidate = candidate_of(plan)
    with solr_of(plan.deployment) as client:
        return _key(plan, query, user, client, candidate)


def _key(plan: Plan, query: str, user: str, client: Any, candidate: Candidate) -> Sides:
    from reprise.release import lists, live

    if not query.strip():
        raise UsageError("the query is empty", "type what a listener would")
    return lists.sides(client, plan.deployment.solr, live(client), candidate, query, f"{plan.run}\n{user}")


def _told(plan: Plan, found: Sides) -> dict[str, Any]:
    """Return which side is whose, and of which sides there are reasons: the engine's own order has none."""
    ranked = bool((plan.champion or {}).get("number"))
    explained = [side for side, ranker in found.key.items() if ranker == "candidate" or ranked]
    return {"key": found.key, "explained": explained}


def candidate_of(plan: Plan) -> Candidate:
    """Return the candidate that a run's gate picked; one that is not in the lake any more is an error."""
    from reprise.gate.report import load_report
    from reprise.release import Candidate

    lake = plan.open_lake()
    family = load_report(lake, plan.run).family
    content = lake.get_json(f"candidates/v={plan.models_version}/{plan.partition}/{family}/candidate.json")
    if content is None:
        raise MissingDataError(f"run {plan.run} has no candidate of {family}", "it may have been swept: retrain")
    return Candidate.from_dict(content)
