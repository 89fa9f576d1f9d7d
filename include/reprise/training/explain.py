"""Why one item of a query stands above another: what the one's values add to its score where the other's stood.

These differences add up to the difference of the scores, so that nothing is left to believe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError
from reprise.solr.score import feature_names
from reprise.solr.shapley import contributions
from reprise.training.data import vectors_for
from reprise.training.served import Served, candidate, champion

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Plan

_SHOWN = 4


@dataclass(frozen=True)
class Item:
    """One item of a query: its place among those of the training set (from 1), score, and what it is worth if known."""

    id: str
    place: int
    score: float
    g: float | None


@dataclass(frozen=True)
class Part:
    """A feature's values of two items, and by how much they move the first one's score above the other's."""

    feature: str
    above: float
    below: float
    brings: float


@dataclass(frozen=True)
class Explained:
    """Two items of a query, the higher one first; ``parts``: largest effect first, those without one left out."""

    query: str
    above: Item
    below: Item
    parts: list[Part]


def served(plan: Plan, model: str) -> Served:
    """Return a run's candidate by its family, or its champion; one that it does not have is an error."""
    found = champion(plan) if model == "champion" else candidate(plan, model) if model in plan.families else None
    if found is None:
        raise UsageError(f"run {plan.run} has no {model}", f"choose one of: {', '.join([*plan.families, 'champion'])}")
    return found


def explain(served: Served, rows: pa.Table, columns: Mapping[str, str], items: Sequence[str] = ()) -> Explained:
    """Return why one of two items stands above the other; ``rows``: the training set's of one query and block.

    Without items: the first, and of those that are worth more than their place the one worth most.
    """
    scores = served.scores(rows, columns).astype(float)
    ids, g = rows["item"].to_pylist(), rows["g"].to_pylist()  # g is null where unjudged
    order = np.argsort(-scores, kind="stable")
    place = np.empty(len(order), int)
    place[order] = np.arange(1, len(order) + 1)
    two = [_find(ids, one) for one in items] if items else _worth_asking(order, g)
    first, second = sorted(two, key=lambda n: place[n])
    entries = [entry for entry in served.features if entry["name"] in feature_names(served.model)]
    vectors = vectors_for(rows, entries, columns)
    names = [str(entry["name"]) for entry in entries]
    brought = contributions(served.model, vectors[[first]], vectors[[second]], names)
    parts = [
        Part(name, float(vectors[first, n]), float(vectors[second, n]), float(brought[name][0]))
        for n, name in enumerate(names)
        if brought[name][0]
    ]
    parts.sort(key=lambda part: -abs(part.brings))

    def item(n: int) -> Item:
        return Item(ids[n], int(place[n]), float(scores[n]), g[n])

    return Explained(str(rows["query"][0].as_py()), item(first), item(second), parts)


def in_words(found: Explained) -> str:
    """Return one sentence: who stands where, and the features that speak most for and against it."""
    above, below = found.above, found.below
    lead = above.score - below.score
    for_, against = ([p for p in found.parts if p.brings * side > 0][:_SHOWN] for side in (1, -1))
    said = (
        f"{_named(above)} stands {lead:.3g} above {_named(below)}"
        if lead
        else f"{_named(above)} and {_named(below)} tie"
    )
    speaks = "; ".join(map(_part, for_)) or "nothing"
    return f"{said}. For it: {speaks}." + (f" Against it: {'; '.join(map(_part, against))}." if against else "")


def table(found: Explained, meanings: Mapping[str, str]) -> list[str]:
    """Return the sentence and every feature with both values, as lines of text."""
    rows = [
        (part.feature, f"{part.above:g}", f"{part.below:g}", f"{part.brings:+.4f}", meanings.get(part.feature, ""))
        for part in found.parts
    ]
    head = ("feature", found.above.id, found.below.id, "brings", "")
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]
    ]
    total = sum(part.brings for part in found.parts)
    return [f"{found.query}: {in_words(found)}", "", *lines, "", f"together {total:+.4f}, the difference of the scores"]


def _part(part: Part) -> str:
    return f"{part.feature} {part.above:.4g} beside {part.below:.4g} ({part.brings:+.3g})"


def _named(item: Item) -> str:
    worth = "unjudged" if item.g is None else f"worth {item.g:.2f}"
    return f"{item.id} (place {item.place}, {worth})"


def _find(ids: Sequence[str], item: str) -> int:
    if item not in ids:
        raise UsageError(
            f"{item!r} is not among the items of this query that were judged or sampled",
            f"choose two of: {', '.join(ids[:10])}",
        )
    return ids.index(item)


def _worth_asking(order: npt.NDArray[np.int64], g: Sequence[float | None]) -> tuple[int, int]:
    """Return the first item, and the judged one worth most that stands below one worth less."""
    if len(order) < 2:
        raise UsageError("this query has one item in the training set", "ask of a query with two or more")
    judged = [int(n) for n in order if g[n] is not None]
    by_worth = sorted(judged, key=lambda n: -(g[n] or 0.0))
    low = next((n for n, above in zip(by_worth, judged, strict=True) if n != above and n != order[0]), None)
    return int(order[0]), int(order[1]) if low is None else low


def known_queries(rows: Any) -> list[str]:
    """Return the texts of a table's queries, the most searched first."""
    searched: dict[str, int] = {}
    for query, traffic in zip(rows["query"].to_pylist(), rows["traffic"].to_pylist(), strict=True):
        searched[query] = max(searched.get(query, 0), traffic)
    return sorted(searched, key=lambda query: (-searched[query], query))
