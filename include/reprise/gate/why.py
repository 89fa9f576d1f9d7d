"""Why the candidate answers queries otherwise than what serves: those that gain and lose most, item by item.

For each, the item whose place changed for most consumption, the one it passed or was passed by, and what put the one
above the other in the candidate's eyes. Only queries that enough listeners searched are told.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.gate.beside import champion_release, serving
from reprise.gate.gains import asked_groups, shown_texts
from reprise.gate.paired import METRIC, Paired, paired
from reprise.pages import finite, render
from reprise.training.data import read_table
from reprise.training.explain import Explained, explain, in_words
from reprise.training.served import Served, candidate, champion

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Plan

_SHOWN = 10
_PLACES = 10  # whose order counts


@dataclass(frozen=True)
class Moved:
    """A query and the item that moved for most: its places (from 1, now and new), and why it stands where it does."""

    query: str
    searches: int
    now: float
    new: float
    item: str
    place_now: int
    place_new: int
    g: float
    words: str
    explained: Explained


def write(plan: Plan, family: str) -> dict[str, bytes]:
    """Write ``why.html`` and ``why.json`` into the run's gate folder, for a candidate; return what was written."""
    import json

    gains, losses = moved(plan, family)
    content = {"family": family, "gains": [asdict(one) for one in gains], "losses": [asdict(one) for one in losses]}
    rival = serving(champion_release(plan, plan.open_lake()))
    page = render("reprise.gate", "why.html", run=plan.run, family=family, rival=rival, metric=METRIC, gains=gains,
                  losses=losses)  # fmt: skip
    files = {"why.html": page.encode(), "why.json": json.dumps(finite(content), indent=1, ensure_ascii=False).encode()}
    for name, written in files.items():
        plan.open_lake().store.put(f"runs/{plan.run}/gate/{name}", written)
    return files


def moved(plan: Plan, family: str) -> tuple[list[Moved], list[Moved]]:
    """Return the queries that gain and lose most by the candidate, by traffic times difference of the metric."""
    import pyarrow.compute as pc

    lake = plan.open_lake()
    test = paired(lake.read("scores", plan.models_version, [plan.partition]), "test")
    rival = serving(champion_release(plan, lake))
    table, manifest = read_table(plan)
    rows = table.filter(pc.equal(table["role"], "test"))
    known = shown_texts(plan, asked_groups(plan))
    models = (candidate(plan, family), champion(plan))
    difference = test.of(family) - test.of(rival)
    weight = np.where(np.isnan(difference), 0.0, difference * test.traffic)
    found: dict[int, list[Moved]] = {1: [], -1: []}
    for side, chosen in found.items():
        for n in np.argsort(-side * weight, kind="stable").tolist():
            if len(chosen) == _SHOWN or side * weight[n] <= 0:
                break
            group = test.queries[n]
            if group not in known:
                continue
            mine = rows.filter(pc.equal(rows["query_group"], group))
            mine = mine.filter(pc.equal(mine["block"], mine["block"][mine.num_rows - 1]))
            one = _item(mine, models, manifest.facts["columns"], side)
            if one is not None:
                chosen.append(_told(one, known[group], test, n, (family, rival)))
    return found[1], found[-1]


@dataclass(frozen=True)
class _Item:
    number: int
    place_now: int
    place_new: int
    explained: Explained
    rows: Any


def _item(rows: pa.Table, models: tuple[Served, Served | None], columns: dict[str, str], side: int) -> _Item | None:
    """Return the item that gains (or loses) most by its new place, beside the one it changed places with."""
    new = _places(models[0].scores(rows, columns))
    now = _places(models[1].scores(rows, columns) if models[1] else -rows["engine_rank"].to_numpy().astype(float))
    g = np.array([np.nan if value is None else value for value in rows["g"].to_pylist()], float)
    change = side * np.nan_to_num(g) * (_discount(new) - _discount(now))
    item = int(np.argmax(change))
    if change[item] <= 0:
        return None
    passed = (side * (now - now[item]) < 0) & (side * (new - new[item]) > 0)
    if not passed.any():
        return None
    other = int(np.flatnonzero(passed)[np.argmin(now[passed] if side > 0 else new[passed])])
    ids = rows["item"].to_pylist()
    return _Item(item, int(now[item]), int(new[item]), explain(models[0], rows, columns, (ids[item], ids[other])), rows)


def _told(one: _Item, text: str, test: Paired, n: int, models: tuple[str, str]) -> Moved:
    family, rival = models
    return Moved(
        query=text,
        searches=int(test.traffic[n]),
        now=float(test.of(rival)[n]),
        new=float(test.of(family)[n]),
        item=one.rows["item"][one.number].as_py(),
        place_now=one.place_now,
        place_new=one.place_new,
        g=float(one.rows["g"][one.number].as_py()),
        words=in_words(one.explained),
        explained=one.explained,
    )


def _places(scores: NDArray[Any]) -> NDArray[np.int64]:
    places = np.empty(len(scores), np.int64)
    places[np.argsort(-scores.astype(float), kind="stable")] = np.arange(1, len(scores) + 1)
    return places


def _discount(places: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(places <= _PLACES, 1 / np.log2(places + 1), 0.0)
