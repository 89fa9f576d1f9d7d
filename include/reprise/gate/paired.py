"""The scores table as arrays: one query axis for all models, so that every comparison is paired by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from reprise.errors import MissingDataError
from reprise.metrics import Comparison, Means, compare_all, consumption_ndcg, means
from reprise.settings.gate import Policy

#: What decides; everything else is reported.
METRIC = consumption_ndcg(10).name
DECIDING_THETA = "measured"  # holds the assumed curve where θ could not be measured
DECIDING_UNJUDGED = "judged_only"

#: Segment → the column of the scores that holds its labels.
_ASKED = {"length": "length", "item type": "item_type", "release": "release"}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Beside:
    """What to compare: two models under a reading, the deciding one, over all queries or those in ``only``."""

    first: str
    second: str
    only: NDArray[np.bool_] | None = None
    reading: tuple[str, str] = (DECIDING_THETA, DECIDING_UNJUDGED)


@dataclass(frozen=True)
class Paired:
    """All values of one role's blocks; ``values`` by (model, θ variant, unjudged policy), NaN where none counts."""

    queries: list[str]
    traffic: Floats
    segments: Mapping[str, NDArray[np.str_]]  # segment, language, novelty → each query's label
    values: Mapping[tuple[str, str, str], Floats] = field(repr=False)

    @property
    def models(self) -> set[str]:
        """Every model that was scored."""
        return {model for model, _, _ in self.values}

    def of(self, model: str, theta: str = DECIDING_THETA, unjudged: str = DECIDING_UNJUDGED) -> Floats:
        """Return a model's value per query; a model that was not scored is an error."""
        if (model, theta, unjudged) not in self.values:
            raise MissingDataError(
                f"the scores hold nothing of {model} for θ {theta}, unjudged {unjudged}", "run `reprise evaluate` again"
            )
        return self.values[model, theta, unjudged]

    def where(self, keep: NDArray[np.bool_]) -> Paired:
        """Return these queries alone."""
        return Paired(
            [query for query, kept in zip(self.queries, keep.tolist(), strict=True) if kept],
            self.traffic[keep],
            {kind: labels[keep] for kind, labels in self.segments.items()},
            {reading: value[keep] for reading, value in self.values.items()},
        )

    def mean(self, model: str) -> Means:
        """Return a model's means of the deciding metric."""
        return means(self.of(model), self.traffic)

    def compare_all(self, asked: Sequence[Beside], policy: Policy) -> list[Comparison]:
        """Return first minus second of each, all from one draw of the queries; many at once cost little more than one.

        Each comes out as it would alone, to the last bit.
        """
        gaps = [self.of(one.first, *one.reading) - self.of(one.second, *one.reading) for one in asked]
        return compare_all(
            [
                gap if one.only is None else np.where(one.only, gap, np.nan)
                for one, gap in zip(asked, gaps, strict=True)
            ],
            self.traffic,
            head_queries=policy.head_queries,
            resamples=policy.resamples,
            confidence=policy.confidence,
        )

    def compare(self, first: str, second: str, policy: Policy) -> Comparison:
        """Return first minus second over all queries by the deciding reading."""
        return self.compare_all([Beside(first, second)], policy)[0]

    def difference(self, first: str, second: str, theta: str, unjudged: str) -> float:
        """Return the traffic-weighted difference under another reading of the same logs; NaN without queries."""
        gap = self.of(first, theta, unjudged) - self.of(second, theta, unjudged)
        return means(gap, self.traffic).traffic_weighted


def paired(scores: pa.Table, role: str, metric: str = METRIC) -> Paired:
    """Return one role's scores of a metric; none at all is an error."""
    rows = scores.filter((pc.field("role") == role) & (pc.field("metric") == metric))
    if not rows.num_rows:
        raise MissingDataError(f"the scores hold no {metric} for the {role} blocks", "run `reprise evaluate` again")
    # Several training blocks are several weeks of the same query: each is a row of its own.
    keys = pc.binary_join_element_wise(rows["block"], rows["query_group"], "\t").combine_chunks().dictionary_encode()
    order = pc.sort_indices(keys.dictionary)
    place = np.empty(len(order), np.int64)
    place[order.to_numpy()] = np.arange(len(order))
    codes = place[keys.indices.to_numpy()]
    first = np.empty(len(order), np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]

    def column(name: str) -> NDArray[np.str_]:
        return pc.fill_null(rows[name].take(first), "").to_numpy().astype(str)

    seen = np.where(rows["seen_before"].take(first).to_numpy(), "seen before", "new")
    segments = {"traffic": column("segment"), "language": column("language"), "novelty": seen}
    # Scores of earlier versions lack what these are of.
    segments |= {kind: column(name) for kind, name in _ASKED.items() if name in rows.column_names}
    return Paired(
        queries=[key.split("\t", 1)[1] for key in keys.dictionary.take(order).to_pylist()],
        traffic=rows["traffic"].take(first).to_numpy().astype(float),
        segments=segments,
        values=_values(rows, codes, len(order)),
    )


def _values(rows: pa.Table, codes: NDArray[np.int64], queries: int) -> dict[tuple[str, str, str], Floats]:
    """Return each model's values along the query axis."""
    names = [rows[name] for name in ("model", "theta_variant", "unjudged")]
    kinds = pc.binary_join_element_wise(*names, "\t").combine_chunks().dictionary_encode()
    matrix = np.full((len(kinds.dictionary), queries), np.nan)
    matrix[kinds.indices.to_numpy(), codes] = rows["value"].to_numpy().astype(float)  # a null becomes NaN
    found = [kind.split("\t") for kind in kinds.dictionary.to_pylist()]
    return {(model, theta, unjudged): matrix[n] for n, (model, theta, unjudged) in enumerate(found)}
