"""Golden queries: what an expert expects of a query, whatever the model. Records are added and retired, never edited.

    <lake>/golden/<time>-<digest>.json     {"action": "add" | "retire", "expectation": {…}}

The last word on a query, item and rule counts. A query's spellings share its expectations, as they share judgments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from reprise.errors import UsageError
from reprise.judgments.fold import fold
from reprise.settings import digest_of

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.objects import ObjectStore
    from reprise.solr.client import SolrClient

Rule = Literal["first", "top3", "never"]
Strength = Literal["never_break", "should_hold"]
Outcome = Literal["held", "broken", "stale"]
RULES = get_args(Rule)
STRENGTHS = get_args(Strength)
_LONGEST = 500
_WITHIN = {"first": 1, "top3": 3}


@dataclass(frozen=True)
class Expectation:
    """One expectation: this item first, among the first three, or never on the first page; who says so and why."""

    query: str
    item: str
    rule: Rule
    strength: Strength = "should_hold"
    by: str = ""
    at: str = ""
    why: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two expectations the same: query by its folded text, item, rule."""
        return fold(self.query), self.item, self.rule

    @property
    def in_words(self) -> str:
        """The expectation as a phrase."""
        place = {"first": "first", "top3": "among the first three", "never": "never on the first page"}[self.rule]
        return f"{self.query!r}: {self.item} {place}"


@dataclass(frozen=True)
class Held:
    """What became of an expectation in one ranking; ``rank`` from 1, None where the item is not in it.

    ``stale``: the engine finds no such item among what is reranked, so no ranking could hold it.
    """

    expectation: Expectation
    outcome: Outcome
    rank: int | None


def add(lake: Lake, expectation: Expectation) -> None:
    """Record an expectation; one that contradicts another that counts is a UsageError that names it."""
    _check(expectation)
    for other in load(lake):
        if wrong := _contradicts(expectation, other):
            raise UsageError(
                f"{expectation.in_words} contradicts {other.in_words} ({other.by}): {wrong}", "retire one of them"
            )
    _record(lake.store, "add", expectation)


def require_item(client: SolrClient, item: str) -> None:
    """Ensure that Solr holds an item."""
    params = {"q": f"{{!terms f={client.id_field} separator='\n' v=$item}}", "item": item, "rows": "1"}
    if not client.select({**params, "fl": client.id_field}).body["response"]["docs"]:
        raise UsageError(f"Solr holds no item {item!r}", "correct its id")


def retire(lake: Lake, expectation: Expectation, by: str, why: str) -> None:
    """Record that an expectation counts no more; one that does not count is a UsageError."""
    known = {one.key: one for one in load(lake)}
    if expectation.key not in known:
        raise UsageError(f"nobody expects {expectation.in_words}", "see `reprise golden list`")
    _record(lake.store, "retire", replace(known[expectation.key], by=by, why=why))


def load(lake: Lake) -> list[Expectation]:
    """Return the expectations that count, by query, item and rule."""
    counting: dict[tuple[str, str, str], Expectation] = {}
    for key in sorted(lake.store.list("golden/")):
        record = json.loads(lake.store.get(key) or b"{}")
        if not record:
            continue
        expectation = Expectation(**record["expectation"])
        if record["action"] == "add":
            counting[expectation.key] = expectation
        else:
            counting.pop(expectation.key, None)
    return [counting[key] for key in sorted(counting)]


def version(expectations: Sequence[Expectation]) -> str:
    """Return a digest of what is expected: the same expectations have the same."""
    return digest_of([asdict(one) for one in expectations])


def check(
    client: SolrClient,
    expectations: Sequence[Expectation],
    request_of: Mapping[str, Mapping[str, Any]],
    handler: str,
    depth: int,
    rows: int,
) -> list[Held]:
    """Return what becomes of expectations in the ranking that a search of each query gets from the real Solr.

    ``request_of``: query → its search, of a candidate by its ``rq`` or of what is live. ``depth``: how many are
    reranked; ``rows``: how many are on the first page.
    """
    found: dict[str, list[str]] = {}
    for query in dict.fromkeys(one.query for one in expectations):
        search = {**request_of[query], "fl": client.id_field, "rows": max(depth, rows)}
        documents = client.select(search, handler).body["response"]["docs"]
        found[query] = [str(one[client.id_field]) for one in documents]
    return [_held(one, found[one.query], rows) for one in expectations]


def _held(expectation: Expectation, ids: Sequence[str], rows: int) -> Held:
    rank = ids.index(expectation.item) + 1 if expectation.item in ids else None
    if expectation.rule == "never":
        return Held(expectation, "broken" if rank is not None and rank <= rows else "held", rank)
    if rank is None:
        return Held(expectation, "stale", None)
    return Held(expectation, "held" if rank <= _WITHIN[expectation.rule] else "broken", rank)


def _contradicts(new: Expectation, other: Expectation) -> str:
    if new.key[0] != other.key[0] or new.key == other.key:
        return ""
    if new.item == other.item and "never" in (new.rule, other.rule):
        return "one wants it there, the other not"
    if new.item != other.item and new.rule == other.rule == "first":
        return "only one can be first"
    return ""


def _check(expectation: Expectation) -> None:
    texts = {"query": expectation.query, "item": expectation.item, "why": expectation.why}
    for name, text in texts.items():
        if len(text) > _LONGEST:
            raise UsageError(f"the {name} has {len(text)} characters", f"use at most {_LONGEST}")
    if not expectation.query.strip() or not expectation.item.strip():
        raise UsageError(f"{expectation.in_words}: query or item is empty", "give both")
    if expectation.rule not in RULES or expectation.strength not in STRENGTHS:
        raise UsageError(
            f"{expectation.rule!r}, {expectation.strength!r} is no rule and strength",
            f"rules: {', '.join(RULES)}; strengths: {', '.join(STRENGTHS)}",
        )


def _record(store: ObjectStore, action: str, expectation: Expectation) -> None:
    now = datetime.now(UTC).isoformat()
    record = {"action": action, "expectation": asdict(replace(expectation, at=now))}
    text = json.dumps(record, ensure_ascii=False, sort_keys=True)
    store.put_new(f"golden/{now}-{digest_of(record, 8)}.json", text.encode())
