"""The training set in memory: one float32 matrix, and for each row whose query it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise.errors import MissingDataError, UsageError
from reprise.features.catalogue import ages, entry_key, monotone_signs
from reprise.metrics import RepeatedNdcg, consumption_ndcg, means
from reprise.solr.score import constant
from reprise.training.draws import Draw

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.lake import Manifest
    from reprise.plan import Plan

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Rows:
    """Some rows of the training set, all of one query together: ``codes`` numbers the (block, query group)."""

    names: list[str]
    vectors: Vectors
    codes: npt.NDArray[np.int64]
    judged: npt.NDArray[np.bool_]
    g: Floats  # NaN where unjudged
    grade: npt.NDArray[np.int64]
    weight: Floats
    traffic: Floats

    @property
    def queries(self) -> int:
        """How many queries the rows belong to."""
        return int(self.codes[-1]) + 1 if len(self.codes) else 0

    @property
    def group_sizes(self) -> npt.NDArray[np.int64]:
        """Rows of each query, in order."""
        return np.bincount(self.codes, minlength=self.queries)

    def only_judged(self) -> Rows:
        """Return the judged rows alone, queries numbered anew."""
        return self.where(self.judged)

    def where(self, keep: npt.NDArray[np.bool_]) -> Rows:
        """Return the rows that a mask keeps, queries numbered anew."""
        _, codes = np.unique(self.codes[keep], return_inverse=True)
        return Rows(
            self.names, self.vectors[keep], codes.astype(np.int64), self.judged[keep], self.g[keep],
            self.grade[keep], self.weight[keep], self.traffic[keep],
        )  # fmt: skip

    def metric(self, scores: npt.ArrayLike) -> float:
        """Return ``consumption_ndcg_at_10`` of these scores over the rows, weighted by traffic; rows all judged."""
        return means(self.per_query(scores), self.traffic_per_query).traffic_weighted

    def repeated(self) -> Callable[[npt.ArrayLike], float]:
        """Return ``metric`` for rows that are measured many times: prepared once, then many times as quick."""
        prepared = RepeatedNdcg(consumption_ndcg(), self.codes, self.g, self.queries)
        traffic = self.traffic_per_query
        return lambda scores: means(prepared.per_query(np.asarray(scores, float)), traffic).traffic_weighted

    def per_query(self, scores: npt.ArrayLike) -> Floats:
        """Return ``consumption_ndcg_at_10`` of each query by these scores; NaN where it does not count."""
        return consumption_ndcg().per_query(self.codes, np.asarray(scores, float), self.g, self.queries)

    @property
    def traffic_per_query(self) -> Floats:
        """How often each query was searched."""
        return self.traffic[np.r_[0, np.cumsum(self.group_sizes)[:-1]].astype(int)]


@dataclass(frozen=True)
class TrainingData:
    """What a family may see: train and validation rows, never the test block's."""

    features: list[str]
    train: Rows
    validation: Rows
    files: list[str]
    #: Of a query's traffic, in the weight of its rows.
    traffic_power: float = 0.0
    #: Feature → 1 or −1 where a score may only rise or only fall with it, else 0.
    monotone: dict[str, int] = field(default_factory=dict)
    #: The query group of each query code of ``train``; by it queries are drawn.
    queries: Sequence[str] = ()
    draw: Draw | None = None
    #: The feature that is an item's age in days; empty where nothing that is learned from is.
    age: str = ""

    def only(self, names: Sequence[str]) -> TrainingData:
        """Return the data with these features alone."""
        columns = [self.features.index(name) for name in names]
        train, validation = (
            replace(rows, names=list(names), vectors=np.ascontiguousarray(rows.vectors[:, columns]))
            for rows in (self.train, self.validation)
        )
        age = self.age if self.age in names else ""
        return replace(self, features=list(names), train=train, validation=validation, age=age)

    def drawn(self, draw: Draw) -> TrainingData:
        """Return the data with the training queries that a draw takes, their rows weighing as often as it says."""
        times = draw.times(self.queries)
        of_row = times[self.train.codes]
        rows = replace(self.train, weight=self.train.weight * of_row).where(of_row > 0)
        kept = [query for query, count in zip(self.queries, times.tolist(), strict=True) if count]
        return replace(self, train=rows, queries=kept, draw=draw)


def read_table(plan: Plan) -> tuple[pa.Table, Manifest]:
    """Return the run's training set, a query's rows together in the engine's order, and its manifest."""
    lake = plan.open_lake()
    manifest = lake.published("training_set", plan.training_version, plan.partition)
    if manifest is None:
        raise MissingDataError(f"run {plan.run} has no training set in {plan.lake}", "run `reprise featurize` first")
    table = lake.read("training_set", plan.training_version, [plan.partition])
    return table.sort_by([(name, "ascending") for name in ("block", "query_group", "engine_rank", "item")]), manifest


def read_data(plan: Plan) -> TrainingData:
    """Return what families learn from; a training set without rows to learn or to tune on is an error."""
    table, manifest = read_table(plan)
    files = plan.open_lake().files("training_set", plan.training_version, [plan.partition])
    return data_of(plan, table, chosen(plan, list(manifest.facts["features"])), files)


def data_of(plan: Plan, table: pa.Table, names: list[str], files: list[str]) -> TrainingData:
    """Return the train and validation rows of a sorted table; ``files``: where Spark finds the same rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    parts = {role: rows_of(table.filter(pc.equal(table["role"], role)), names) for role in ("train", "validation")}
    for role, rows in parts.items():
        if not rows.queries:
            raise MissingDataError(
                f"the training set of run {plan.run} has no {role} rows", "check the window and the blocks in gate.yaml"
            )
    power = plan.deployment.gate.traffic_power
    asked = parts["train"].traffic ** power
    train = replace(parts["train"], weight=parts["train"].weight * asked / asked.mean())
    learned = table.filter(pc.equal(table["role"], "train"))
    first = np.r_[0, np.cumsum(train.group_sizes)[:-1]].astype(int)
    queries = learned["query_group"].take(pa.array(first)).to_pylist()
    solr = plan.deployment.solr
    age = next((name for name in ages(solr) if name in names), "")
    return TrainingData(
        names, train, parts["validation"], files, power, monotone_signs(solr), queries, age=age
    )  # fmt: skip


def chosen(plan: Plan, known: list[str]) -> list[str]:
    """Return the features that families learn from, in the catalogue's order; a name that it lacks is an error."""
    wanted = plan.deployment.gate.features
    if wanted == "all":
        return known
    if unknown := sorted(set(wanted) - set(known)):
        raise UsageError(
            f"gate.yaml would learn from {', '.join(unknown)}, which solr.yaml does not define",
            f"choose among {', '.join(known)}",
        )
    return [name for name in known if name in wanted]


def rows_of(table: pa.Table, names: Sequence[str]) -> Rows:
    """Return a sorted piece of the training set as arrays, with these feature columns."""
    vectors = np.empty((table.num_rows, len(names)), np.float32)
    for column, name in enumerate(names):
        vectors[:, column] = table[name].to_numpy()
    return Rows(
        list(names), vectors, query_codes(table), table["judged"].to_numpy(), table["g"].to_numpy().astype(float),
        table["grade"].to_numpy(), table["weight"].to_numpy(), table["traffic"].to_numpy().astype(float),
    )  # fmt: skip


def query_codes(table: pa.Table) -> npt.NDArray[np.int64]:
    """Return the number of each row's (block, query group), counted from 0 in the table's order."""
    if not table.num_rows:
        return np.zeros(0, np.int64)
    block, group = (table[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in _KEY)
    return np.r_[0, np.cumsum((block[1:] != block[:-1]) | (group[1:] != group[:-1]))].astype(np.int64)


_KEY = ("block", "query_group")


def vectors_for(table: pa.Table, entries: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Vectors:
    """Return the values of feature-store entries, one column each, from the training set's columns.

    ``columns`` maps entry keys to columns, as `featurize` recorded them.
    """
    vectors = np.empty((table.num_rows, len(entries)), np.float32)
    for place, entry in enumerate(entries):
        fixed = constant(entry)
        if fixed is not None:
            vectors[:, place] = fixed
            continue
        column = columns.get(entry_key(entry))
        if column is None:
            raise UsageError(
                f"the training set has no column for the feature {entry['name']!r}", "run `reprise featurize` anew"
            )
        vectors[:, place] = table[column].to_numpy()
    return vectors
