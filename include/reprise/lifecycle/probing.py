"""Which searches prove a candidate in Solr: the heaviest of the test block, with what training saw of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    chosen: list[Probe] = []
    found = 0
    for query in sorted(searches, key=lambda text: (-traffic[text], text)):
        chosen.append(Probe({"q": query}, searches[query]))
        found += len(searches[query])
        if found >= wanted_rows:
            break
    return chosen


def _comparable(candidate: Candidate) -> list[str]:
    moving = set(candidate.behaviour_fields)
    return [str(f["name"]) for f in candidate.features if (f.get("params") or {}).get("field") not in moving]
