"""Sessions from a lake: the settled searches of a run's test block, as the click models read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.clicks.sessions import SATISFYING_S, Sessions
from reprise.errors import MissingDataError

if TYPE_CHECKING:
    from reprise.plan import Plan

#: Impressions that are looked at, newest days first: a comparison is no surer with more, and memory is not endless.
MOST = 3_000_000
_COLUMNS = ("search_id", "q", "item", "position", "clicked", "seconds", "saved", "prefix_weight")


def sessions_of_plan(plan: Plan, most: int = MOST) -> Sessions:
    """Return the test block's settled searches, first days first; a block without any is an error.

    A click satisfies if its plays lasted 30 s together, or the item was saved; in a log without plays, the last does.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    lake, rows = plan.open_lake(), 0
    parts: list[pa.Table] = []
    for day in reversed(plan.block("test")[0].days):
        found = lake.read("impressions", plan.logs_version, [f"dt={day}"], _COLUMNS)
        found = found.filter(pc.and_(pc.equal(found["prefix_weight"], 1.0), pc.less_equal(found["position"], 100)))
        parts.insert(0, found)
        rows += found.num_rows
        if rows >= most:
            break
    if not rows:
        raise MissingDataError(f"run {plan.run} has no impressions in its test block", "check the window")
    table = pa.concat_tables(parts).combine_chunks()
    plays = any(source.kind == "play" for source in plan.deployment.logs.sources)
    return _arrays(table, plan.deployment.solr.request.rows, plays)


def widely_asked(plan: Plan) -> set[str]:
    """Return the texts that enough listeners searched on one day of the test block: others stay in the lake."""
    fewest = plan.deployment.logs.privacy.min_users_per_query
    days = [f"dt={day}" for day in plan.block("test")[0].days]
    rows = plan.open_lake().read("query_stats", plan.logs_version, days, ["q", "listeners"])
    listeners = zip(rows["q"].to_pylist(), rows["listeners"].to_pylist(), strict=True)
    return {q for q, bits in listeners if (bits & (2**64 - 1)).bit_count() >= fewest}


def _arrays(table: Any, width: int, plays: bool) -> Sessions:
    search, q, item = (table[name].dictionary_encode().combine_chunks() for name in ("search_id", "q", "item"))
    place = table["position"].to_numpy() - 1
    clicked = table["clicked"].to_numpy(zero_copy_only=False).astype(bool)
    seconds = np.nan_to_num(table["seconds"].to_numpy(zero_copy_only=False).astype(float))
    saved = table["saved"].to_numpy(zero_copy_only=False).astype(bool)
    keep = place < width
    row = search.indices.to_numpy()[keep].astype(np.int64)
    key = q.indices.to_numpy()[keep].astype(np.int64) * len(item.dictionary) + item.indices.to_numpy()[keep]
    keys, number = np.unique(key, return_inverse=True)
    texts, items = q.dictionary.to_pylist(), item.dictionary.to_pylist()
    pairs = [(texts[one // len(items)], items[one % len(items)]) for one in keys.tolist()]
    pair = np.full((int(row.max()) + 1, width), -1, dtype=np.int64)
    flags = np.zeros((2, *pair.shape), dtype=bool)
    at = (row, place[keep])
    pair[at], flags[0][at] = number, clicked[keep]
    flags[1][at] = clicked[keep] & ((seconds[keep] >= SATISFYING_S) | saved[keep])
    found = Sessions(pairs, pair, flags[0], flags[1], plays)
    return found if plays else found.without_plays()
