"""Which searches prove a candidate in Solr: the heaviest of the test block, with what training saw of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reprise.errors import MissingDataError

if TYPE_CHECKING:
    from reprise.plan import Plan
    from reprise.release import Candidate, Probe

#: Rows to look for, above the pairs that a proof needs: some items no longer answer their search.
WANTED_ROWS = 2000


def probes(plan: Plan, candidate: Candidate, wanted_rows: int = WANTED_ROWS) -> list[Probe]:
    """Return probes over at least so many (search, item) pairs of the test block, heaviest searches first.

    Behaviour features move by design between training and now, so their values are left out of the comparison.
    """
    from reprise.release import Probe

    columns = _comparable(candidate)
    fixed = ["query", "item", "traffic", "engine_rank", "role"]
    rows = plan.open_lake().read("training_set", plan.training_version, [plan.partition])
    rows = rows.select([*fixed, *[name for name in columns if name in rows.column_names]])
    searches: dict[str, dict[str, dict[str, float]]] = {}
    traffic: dict[str, int] = {}
    for row in rows.to_pylist():
        if row["role"] != "test" or not row["engine_rank"]:
            continue
        values = {name: row[name] for name in columns if row.get(name) is not None}
        searches.setdefault(row["query"], {})[row["item"]] = values
        traffic[row["query"]] = int(row["traffic"] or 0)
    if not searches:
        raise MissingDataError("the training set has no retrieved item in the test block", "clear the task featurize")
    asked = _asked(plan, candidate)
    chosen: list[Probe] = []
    found = 0
    for query in sorted(searches, key=lambda text: (-traffic[text], text)):
        chosen.append(Probe(asked(query), searches[query]))
        found += len(searches[query])
        if found >= wanted_rows:
            break
    return chosen


def _asked(plan: Plan, candidate: Candidate) -> Callable[[str], dict[str, Any]]:
    """Return what makes a query the request that training logged for the test block: what is sent, and the moment."""
    from reprise.features.catalogue import parameter_values, reads_time
    from reprise.features.match import as_of

    solr, block = plan.deployment.solr, plan.block("test")[0]
    moment = reads_time(candidate.features) or solr.request.released_field
    when = as_of(solr, str(block.end)) if moment else {}
    languages: dict[str, str] = {}
    if any(one["computes"] == "language" for one in candidate.parameters.values()):
        groups = plan.open_lake().read("query_groups", plan.judgments_version, [plan.partition])
        languages = {row["query"]: row["language"] or "" for row in groups.to_pylist() if row["block"] == block.name}

    def asked(query: str) -> dict[str, Any]:
        known = {"language": languages.get(query, "")}
        return {"q": query, **when, **parameter_values(candidate.parameters, query, known)}

    return asked


def _comparable(candidate: Candidate) -> list[str]:
    moving = set(candidate.behaviour_fields)
    return [str(f["name"]) for f in candidate.features if (f.get("params") or {}).get("field") not in moving]
