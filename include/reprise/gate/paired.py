"""The scores table as arrays: one query axis for all models, so that every comparison is paired by query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from reprise.errors import MissingDataError
from reprise.metrics import Comparison, Means, compare, consumption_ndcg, means
from reprise.settings.gate import Policy

#: What decides; everything else is reported.
METRIC = consumption_ndcg(10).name
DECIDING_THETA = "measured"  # holds the assumed curve where θ could not be measured
DECIDING_UNJUDGED = "judged_only"

Floats = NDArray[np.float64]


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

    def compare(
        self,
        first: str,
        second: str,
        policy: Policy,
        only: NDArray[np.bool_] | None = None,
        reading: tuple[str, str] = (DECIDING_THETA, DECIDING_UNJUDGED),
    ) -> Comparison:
        """Return first minus second under a reading, the deciding one, over all queries or those in ``only``."""
        chosen = np.ones(len(self.queries), bool) if only is None else only
        return compare(
            self.of(first, *reading)[chosen],
            self.of(second, *reading)[chosen],
            self.traffic[chosen],
            head_queries=policy.head_queries,
            resamples=policy.resamples,
            confidence=policy.confidence,
        )

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
    keys = pc.binary_join_element_wise(rows["block"], rows["query_group"], "\t").to_numpy(zero_copy_only=False)
    unique, first, codes = np.unique(keys.astype(str), return_index=True, return_inverse=True)

    def column(name: str) -> NDArray[np.str_]:
        return np.asarray([label or "" for label in rows[name].take(first).to_pylist()], dtype=str)

    seen = np.where(np.asarray(rows["seen_before"].take(first).to_pylist(), bool), "seen before", "new")
    return Paired(
        queries=[key.split("\t", 1)[1] for key in unique.tolist()],
        traffic=np.asarray(rows["traffic"].take(first).to_pylist(), float),
        segments={"traffic": column("segment"), "language": column("language"), "novelty": seen},
        values=_values(rows, codes, len(unique)),
    )


def _values(rows: pa.Table, codes: NDArray[np.int64], queries: int) -> dict[tuple[str, str, str], Floats]:
    """Return each model's values along the query axis."""
    value = np.array([np.nan if v is None else v for v in rows["value"].to_pylist()], float)
    kinds = list(zip(*(rows[name].to_pylist() for name in ("model", "theta_variant", "unjudged")), strict=True))
    number = {kind: n for n, kind in enumerate(dict.fromkeys(kinds))}
    matrix = np.full((len(number), queries), np.nan)
    matrix[[number[kind] for kind in kinds], codes] = value
    return {kind: matrix[n] for kind, n in number.items()}
