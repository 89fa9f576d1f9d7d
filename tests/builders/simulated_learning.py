"""A small simulated service as a learner meets it: judged and unshown pairs by block, features, and the true worth.

Straight from the simulator's arrays, as a faultless extraction would have them. No feature is made of the truth: they
are names, the catalogue's own popularity, and plays and clicks of the days before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builders.simulated_days import Service
from reprise.judgments.propensity import curves
from reprise.metrics.ranking import rank
from reprise.sandbox.music.config import THETA
from reprise.sandbox.music.day import simulate_day
from reprise.settings import Gate
from reprise.settings.gate import Theta
from reprise.solr import score
from reprise.training.data import Rows, TrainingData
from reprise.training.family import Fitted
from reprise.training.lambdamart import LambdaMart

_PAIR = 1_000_000
TOP = 60  # of what the text finds
BLOCKS = {"train": range(7, 14), "validation": range(14, 21), "test": range(21, 28)}
FEATURES = [
    "engine_rank",
    "words",
    "matched",
    "exact",
    "popularity",
    "plays",
    "utility_per_play",
    "pair_clicks",
    "song",
    "artist",
]
GATE = Gate.model_validate({"lambdamart": {"trees": 80, "leaves": 15, "min_rows_per_leaf": 20}})


@dataclass(frozen=True)
class Block:
    """All pairs of a block's queries and what the text finds; ``judged`` where anybody was shown the item."""

    rows: Rows
    engine_rank: np.ndarray
    worth: np.ndarray  # true, expected per look


class Learning:
    """Four weeks of a service: one for history, and a train, a validation and a test block."""

    def __init__(self, seed: int, journeys: int = 300, drift: float = 0.3) -> None:
        self.service = Service(seed, journeys, drift=drift)
        self.world = self.service.world
        self.cells = {role: self.service.cells(days) for role, days in BLOCKS.items()}
        contrasts = self.service.cells(range(21)).contrasts()
        self.theta = np.array(curves(contrasts, Theta(min_pairs=1), 10)[0][0].theta)
        self.plays, self.searched, self.utility = self._daily()

    def _daily(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return by day and item: plays, clicks from searches, and what these were worth."""
        items = len(self.world.catalogue.ids)
        found = []
        for day in range(28):
            _, clicks, plays = simulate_day(self.world, day, self.service.shelf, None)
            counts = [np.bincount(plays.track, minlength=items), np.bincount(clicks.item, minlength=items)]
            found.append([*counts, np.bincount(clicks.item, weights=clicks.worth, minlength=items)])
        return tuple(np.array(found).transpose(1, 0, 2))  # type: ignore[return-value]

    def block(self, role: str, known: range) -> Block:
        """Return a block's pairs, behaviour as of the days ``known``."""
        cells, catalogue = self.cells[role], self.world.catalogue
        sums = cells.sums(self.theta)
        prior = sums["utility"].sum() / sums["examination"].sum()
        truth = self.service.truth(tuple(BLOCKS[role]))
        shown = dict(zip(sums["pair"].tolist(), range(len(sums["pair"])), strict=True))
        plays, searched, utility = (a[known].sum(axis=0) for a in (self.plays, self.searched, self.utility))
        rate = (utility + 5 * utility.sum() / searched.sum()) / (searched + 5)
        before = self.service.cells(known).sums(self.theta)
        clicks = dict(zip(before["pair"].tolist(), before["clicks"].tolist(), strict=True))
        parts, codes, worths, labels, traffic = [], [], [], [], []
        for query in np.flatnonzero(cells.searches).tolist():
            text = self.world.wishes.texts[query]
            found = self.stage_order(text)
            places = [shown.get(query * _PAIR + item, -1) for item in found]
            if not any(place >= 0 and sums["utility"][place] > 0 for place in places):
                continue  # nothing consumed: featurize does not ask either
            words = len(text.split())
            code = len(traffic)
            for engine_rank, (item, place) in enumerate(zip(found, places, strict=True), 1):
                names = (catalogue.latin(item), catalogue.script(item))
                parts.append([
                    engine_rank, words, self.matched(text, item), float(text in names), catalogue.popularity[item],
                    np.log1p(plays[item] * 28 / len(known)), rate[item],
                    np.log1p(clicks.get(query * _PAIR + item, 0.0) * 28 / len(known)),
                    catalogue.entity[item] == 0, catalogue.entity[item] == 1,
                ])  # fmt: skip
                u, e = (sums[n][place] if place >= 0 else 0.0 for n in ("utility", "examination"))
                labels.append((u, e, place >= 0))
                codes.append(code)
            worths.append(truth.worth(text, [catalogue.ids[item] for item in found]))
            traffic.append(cells.searches[query])
        u, e, judged = map(np.array, zip(*labels, strict=True))
        code = np.array(codes)
        g = np.where(judged, np.minimum(1.0, (u + 2 * prior) / (e + 2)), np.nan)
        grade = np.where(judged, np.searchsorted(GATE.judging.grade_cuts, np.nan_to_num(g), side="right"), 0)
        weight = np.where(judged, e / (e + 2), 0.1)
        rows = Rows(
            list(FEATURES), np.array(parts, np.float32), code, judged.astype(bool), g, grade.astype(np.int64), weight,
            np.array(traffic, float)[code],
        )  # fmt: skip
        return Block(rows, rows.vectors[:, 0], np.concatenate(worths))

    def stage_order(self, text: str) -> list[int]:
        """Return what the text finds, in the engine's order, as item numbers: all words, then some, then popularity."""
        stage = self.service.shelf._stage
        whole = sorted(stage._found(text), key=lambda one: (len(one[1]), one[0]))
        some = {key for word in text.split() for key, _ in stage._found(word)}
        some |= {key for key, _ in stage._found(text[:2])}
        loose = sorted(self.world.index[key] for key in some - {key for key, _ in whole})
        loose.sort(key=lambda item: (-self.matched(text, item), -self.world.catalogue.popularity[item]))
        return [*(self.world.index[key] for key, _ in whole), *loose][:TOP]

    def matched(self, text: str, item: int) -> float:
        """Return the share of the words typed that begin a word of the item's names."""
        name = self.service.shelf._stage._names[item][1]
        words = text.split()
        return sum(f" {word}" in name for word in words) / len(words)

    def learned(
        self, train: Block, validation: Block, *, unshown: int = 10, seed: int = 3
    ) -> Callable[[Rows], np.ndarray]:
        """Return how a ranker scores that learned from judged rows and so many unshown ones of each query."""
        data = TrainingData(list(FEATURES), sampled(train.rows, unshown, seed), validation.rows, [])
        booster = lightgbm.Booster(model_str=LambdaMart().fit(data, GATE).native[1].decode())
        return lambda rows: booster.predict(rows.vectors)


def filed(folder: Path, train: Rows, validation: Rows) -> TrainingData:
    """Return the rows as families read them that Spark trains: from a file too."""
    count, path = len(train.codes), folder / "train.parquet"
    keys = {"block": ["t"] * count, "role": ["train"] * count, "query_group": [f"q{code}" for code in train.codes]}
    labels = {"g": pa.array(train.g, mask=np.isnan(train.g)), "grade": train.grade, "weight": train.weight}
    vectors = {name: train.vectors[:, column] for column, name in enumerate(train.names)}
    pq.write_table(pa.table({**keys, "item": [str(row) for row in range(count)], **labels, **vectors}), path)
    return TrainingData(list(train.names), train, validation, [str(path)])


def solr_scores(fitted: Fitted, rows: Rows) -> np.ndarray:
    """Return a fitted family's scores as Solr gives them; features of its own are always 1."""
    ones = np.ones((len(rows.codes), len(fitted.extra_features)), np.float32)
    names = [*rows.names, *(str(entry["name"]) for entry in fitted.extra_features)]
    return score(fitted.model, np.hstack([rows.vectors, ones]), names)


def sampled(rows: Rows, unshown: int, seed: int) -> Rows:
    """Return judged rows and a few others of each query."""
    random = np.random.default_rng(seed).random(len(rows.codes))
    order = np.lexsort((random, rows.judged, rows.codes))
    place = np.empty(len(order), int)
    first = np.r_[True, (np.diff(rows.codes[order]) != 0) | (np.diff(rows.judged[order].astype(int)) != 0)]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    place[order] = np.arange(len(order)) - starts
    keep = rows.judged | (place < unshown)
    _, codes = np.unique(rows.codes[keep], return_inverse=True)
    return Rows(
        rows.names, rows.vectors[keep], codes.astype(np.int64), rows.judged[keep], rows.g[keep], rows.grade[keep],
        rows.weight[keep], rows.traffic[keep],
    )  # fmt: skip


def truly(block: Block, scores: Sequence[float]) -> float:
    """Return the true consumption per search of an order of everything found, weighted by traffic."""
    rows = block.rows
    exposure = rank(rows.codes, np.asarray(scores, float), rows.queries).exposure(THETA, len(rows.codes))
    per_query = np.bincount(rows.codes, weights=exposure * block.worth, minlength=rows.queries)
    return float(per_query @ rows.traffic_per_query / rows.traffic_per_query.sum())
