"""Statistics of simulated days straight from the simulator's arrays: as a faultless extraction would have them.

Fast enough for hundreds of logs. What the extraction makes of raw records is tested elsewhere, row for row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from builders.music import PlainFirstStage
from reprise.judgments.harvest import Contrast
from reprise.judgments.trust import TIERS, Level
from reprise.metrics.expected import Logged
from reprise.metrics.ranking import rank
from reprise.sandbox.music import Switches, Truth, World
from reprise.sandbox.music.config import ROWS, THETA
from reprise.sandbox.music.day import simulate_day
from reprise.sandbox.music.first_stage import Shelf
from reprise.training.counterfactual import learned_worth

_PAIR = 1_000_000


@dataclass
class Cells:
    """Sums by day, query, item and position: ``n`` impressions, ``c`` clicks, ``u`` consumption."""

    day: np.ndarray
    pair: np.ndarray  # query · a million + item
    position: np.ndarray
    n: np.ndarray
    c: np.ndarray
    u: np.ndarray
    searches: np.ndarray  # by query

    def contrasts(self, parts: int = 100) -> list[Contrast]:
        """Return contrasts of all pairs of positions, by looking at every pair of cells of an item's day."""
        order = np.lexsort((self.position, self.pair, self.day))
        key = np.stack([self.day[order], self.pair[order]], axis=1)
        sums: dict[tuple[int, int, int], np.ndarray] = {}
        for apart in range(1, ROWS):
            upper, lower = order[:-apart], order[apart:]
            same = (key[:-apart] == key[apart:]).all(axis=1)
            upper, lower = upper[same], lower[same]
            for a, b in zip(upper.tolist(), lower.tolist(), strict=True):
                if self.c[a] + self.c[b] > 0:
                    where = (int(self.position[a]), int(self.position[b]), int(self.pair[a] // _PAIR % parts))
                    total = self.n[a] + self.n[b]
                    found = sums.setdefault(where, np.zeros(3))
                    found += (self.c[a] * self.n[b] / total, self.c[b] * self.n[a] / total, 1)
        return [Contrast(a, b, up, low, int(n), "", part) for (a, b, part), (up, low, n) in sorted(sums.items())]

    def levels(self) -> list[Level]:
        """Return the levels of clicks by what pairs brought on other days, by looking at every pair of cells."""
        pair, of_pair = np.unique(self.pair, return_inverse=True)
        _, of_day = np.unique(self.pair * 1000 + self.day, return_inverse=True)
        del pair
        n, c = (np.bincount(of_pair, v)[of_pair] - np.bincount(of_day, v)[of_day] for v in (self.n, self.c))
        cuts = np.array(TIERS) * self.c.sum() / self.n.sum()
        tier = np.where(n > 0, np.searchsorted(cuts, c / np.maximum(n, 1), side="right"), -1)
        order = np.lexsort((self.position, self.pair, self.day))
        key = np.stack([self.day[order], self.pair[order]], axis=1)
        sums: dict[tuple[int, int, int], np.ndarray] = {}
        for apart in range(1, ROWS):
            upper, lower = order[:-apart], order[apart:]
            same = (key[:-apart] == key[apart:]).all(axis=1) & (tier[upper] >= 0)
            a, b = upper[same], lower[same]
            w = self.n[a] * self.n[b] / (self.n[a] + self.n[b])
            values = np.stack([self.c[a] / self.n[a] * w, self.c[b] / self.n[b] * w, w, np.ones(len(w))], axis=1)
            for where, row in zip(zip(self.position[a], self.position[b], tier[a], strict=True), values, strict=True):
                sums.setdefault(tuple(map(int, where)), np.zeros(4))
                sums[tuple(map(int, where))] += row
        return [Level(*where, *row[:3], int(row[3])) for where, row in sorted(sums.items())]

    def sums(self, theta: Sequence[float]) -> dict[str, np.ndarray]:
        """Return pair, impressions, clicks, utility and examination, by pair."""
        pair, at = np.unique(self.pair, return_inverse=True)
        theta = np.asarray(theta)[self.position - 1]
        values = {"impressions": self.n, "clicks": self.c, "utility": self.u, "examination": self.n * theta}
        return {"pair": pair, **{name: np.bincount(at, weights=value) for name, value in values.items()}}


class Service:
    """A small world with much traffic, two rankers, and swaps, unless it is ``only_live``: then one order for all."""

    def __init__(self, seed=7, journeys=560, only_live=False, **switches) -> None:
        self.world = World.build(seed=seed, scale="small", switches=Switches(**{"drift": 0.0, **switches}))
        self.world.scale = replace(self.world.scale, journeys=journeys)
        self.only_live = only_live
        if only_live:
            self.world.listeners.b[:] = False
        self.shelf = Shelf(self.world, PlainFirstStage(self.world), threads=1)
        self.answers = cache(self._answers)
        self.truth = cache(lambda days: Truth(self.world, days))

    def _answers(self, query: int, days: tuple[int, ...]) -> tuple[list[list[int]], dict[int, float]]:
        """Return what each ranker shows for a query, and the true worth of all of it."""
        world, text = self.world, self.world.wishes.texts[query]
        rankers = ("live",) if self.only_live else ("live", "B")
        lists = [[int(item) for item in self.shelf.rows([(text, one)])[0] if item >= 0] for one in rankers]
        items = list(dict.fromkeys(item for some in lists for item in some))
        worth = self.truth(days).worth(text, [world.catalogue.ids[item] for item in items]) if items else []
        return lists, dict(zip(items, worth, strict=True))

    def cells(self, days: Sequence[int]) -> Cells:
        """Return the statistics of some days, each with yesterday's plays in mind where feedback is on."""
        parts, boost, searched = [], None, np.zeros(len(self.world.wishes.texts))
        for day in days:
            searches, clicks, plays = simulate_day(self.world, day, self.shelf, boost)
            if self.world.switches.feedback:
                tracks = plays.track[plays.searched]
                counts = np.bincount(tracks, minlength=len(self.world.catalogue.ids)).astype(float)
                boost = counts / counts.mean()
            row, place = np.nonzero(searches.shown >= 0)
            clicked, worth = np.zeros(searches.shown.shape), np.zeros(searches.shown.shape)
            clicked[clicks.search, clicks.rank - 1] = 1
            worth[clicks.search, clicks.rank - 1] = clicks.worth
            pair = searches.text[row] * _PAIR + searches.shown[row, place]
            cell, at = np.unique(pair * ROWS + place, return_inverse=True)
            sums = [np.bincount(at, weights=w) for w in (np.ones(len(at)), clicked[row, place], worth[row, place])]
            parts.append([np.full(len(cell), day), cell // ROWS, cell % ROWS + 1, *sums])
            searched += np.bincount(searches.text, minlength=len(searched))
        return Cells(*(np.concatenate(column) for column in zip(*parts, strict=True)), searched)


class Candidates:
    """What could be answered to queries: everything both rankers show, with its true worth."""

    def __init__(self, service: Service, queries: Sequence[int], days: Sequence[int] = (0,)) -> None:
        rows = []
        for code, query in enumerate(queries):
            ranked, worth = service.answers(int(query), tuple(days))
            for item, value in worth.items():
                places = [some.index(item) + 1 if item in some else 99 for some in ranked]
                rows.append((code, query * _PAIR + item, value, places[0], places[-1]))
        code, pair, worth, live, other = map(np.array, zip(*rows, strict=True))
        self.code, self.pair, self.worth, self.live, self.b = code, pair, worth, live, other
        self.queries = np.asarray(queries)
        self.popularity = service.world.wanted(days[0]).sum(axis=0)[pair % _PAIR]

    def of(self, sums: dict[str, np.ndarray], *names: str) -> list[np.ndarray]:
        """Return sums in the candidates' order, 0 where a pair was not shown."""
        at = np.minimum(np.searchsorted(sums["pair"], self.pair), len(sums["pair"]) - 1)
        there = sums["pair"][at] == self.pair
        return [np.where(there, sums[name][at], 0.0) for name in names]

    def learned(self, sums: dict[str, np.ndarray]) -> np.ndarray:
        """Return g as it is learned from these sums."""
        mean = sums["utility"].sum() / sums["examination"].sum()
        return learned_worth(*self.of(sums, "utility", "examination"), self.live, mean, 2.0)

    def logged(self, train: dict[str, np.ndarray], test: dict[str, np.ndarray], searched: np.ndarray) -> Logged:
        """Return what the test days' sums say, with g of the training days'."""
        return Logged(
            *self.of(test, "utility", "examination", "impressions"), self.learned(train), searched[self.queries]
        )

    def truly(self, scores: np.ndarray) -> np.ndarray:
        """Return each query's true consumption per search under the order of these scores."""
        exposure = rank(self.code, scores, len(self.queries)).exposure(THETA, len(self.code))
        return np.bincount(self.code, weights=exposure * self.worth, minlength=len(self.queries))


def error(theta: Sequence[float]) -> float:
    """Return the mean relative error of a curve below its first position."""
    return float(np.mean(np.abs(np.asarray(theta[1:]) / THETA[1 : len(theta)] - 1)))
