"""Which of two lists an expert preferred, not knowing whose was whose: a later review asks about the lost ones first.

    <lake>/preferences/<run>/<digest of person and query>.json

A person's last word on a query of a run counts.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from reprise.lake import Lake

Side = Literal["left", "right", "neither"]
Winner = Literal["candidate", "live", "neither"]
_HOME = "preferences/"
#: Reviews that are looked back on.
_RUNS = 5


@dataclass(frozen=True)
class Preference:
    """One comparison: which side somebody preferred, and whose list that was; ``at`` is ISO, UTC."""

    run: str
    query: str
    preferred: Side
    ranker: Winner
    by: str
    at: str


def keep(lake: Lake, preference: Preference) -> None:
    """Record a preference in place of what that person said of the query in that run before."""
    key = _key(preference.run, preference.query, preference.by)
    lake.put_json(key, asdict(preference))


def said(lake: Lake, run: str, query: str, by: str) -> Preference | None:
    """Return what somebody said of a query in a run, None where they said nothing."""
    found = lake.get_json(_key(run, query, by))
    return Preference(**found) if found else None


def tally(lake: Lake, run: str) -> dict[Winner, int]:
    """Return how many comparisons of a run each won; empty where nobody compared."""
    counted = Counter(one.ranker for one in _read(lake, lake.store.list(f"{_HOME}{run}/")))
    return {ranker: counted[ranker] for ranker in get_args(Winner)} if counted else {}


def lost(lake: Lake, run: str) -> list[str]:
    """Return the queries in which people preferred what was live to the candidates of the reviews before a run.

    Of everybody's last word in the newest five reviews; sorted. The run's own comparisons do not count.
    """
    written: dict[str, float] = {}
    keys: dict[str, list[str]] = {}
    for key, at in lake.store.modified(_HOME).items():
        earlier = key.split("/")[1]
        if earlier != run:
            written[earlier] = max(written.get(earlier, 0.0), at)
            keys.setdefault(earlier, []).append(key)
    newest = sorted(written, key=lambda earlier: -written[earlier])[:_RUNS]
    last: dict[tuple[str, str], Preference] = {}
    for one in sorted(_read(lake, [key for earlier in newest for key in keys[earlier]]), key=lambda one: one.at):
        last[one.query, one.by] = one
    lead: Counter[str] = Counter()
    for one in last.values():
        lead[one.query] += {"live": 1, "candidate": -1, "neither": 0}[one.ranker]
    return sorted(query for query, votes in lead.items() if votes > 0)


def _read(lake: Lake, keys: Iterable[str]) -> list[Preference]:
    contents = (lake.store.get(key) for key in keys)
    return [Preference(**json.loads(content)) for content in contents if content]


def _key(run: str, query: str, by: str) -> str:
    mine = hashlib.sha256(f"{by}\n{query}".encode()).hexdigest()[:24]
    return f"{_HOME}{run}/{mine}.json"
