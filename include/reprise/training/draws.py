"""Some of the training queries, or all of them drawn with replacement: the same draw in this process and on Spark.

A query's place in [0, 1) is a hash of its text and a seed, so that nothing has to be sent to say who was drawn, subsets
of one seed are nested, and a query of several weeks goes whole to one side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_HEX = 8  # digits of the hash that make the place


@dataclass(frozen=True)
class Draw:
    """How often each query counts. ``steps``: up to which place (ascending, the last 1), how often."""

    seed: int
    steps: tuple[tuple[float, int], ...]

    def times(self, queries: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return how often each query counts."""
        hashes = (hashlib.md5(f"{self.seed}\t{query}".encode(), usedforsecurity=False) for query in queries)
        places = np.array([int(one.hexdigest()[:_HEX], 16) for one in hashes], float) / 16**_HEX
        ends = np.array([end for end, _ in self.steps])
        counts = np.array([times for _, times in self.steps], np.int64)
        return counts[np.minimum(np.searchsorted(ends, places, side="right"), len(ends) - 1)]

    def weigh(self, rows: DataFrame) -> DataFrame:
        """Return the rows of queries that count, each row's ``weight`` times how often its ``query_group`` does."""
        return rows.withColumn("weight", rows["weight"] * self.column()).where("weight > 0")

    def column(self) -> Column:
        """Return how often each row's ``query_group`` counts."""
        from pyspark.sql import functions as f

        text = f.md5(f.concat_ws("\t", f.lit(str(self.seed)), f.col("query_group")))
        place = f.conv(f.substring(text, 1, _HEX), 16, 10).cast("double") / f.lit(float(16**_HEX))
        times = f.lit(self.steps[-1][1])
        for end, count in reversed(self.steps[:-1]):
            times = f.when(place < end, count).otherwise(times)
        return times


def share(of: float, seed: int) -> Draw:
    """Return the draw of a share of the queries, each once; a larger share of the same seed holds a smaller one."""
    return Draw(seed, ((of, 1), (1.0, 0)))


def all_but(fold: int, folds: int, seed: int) -> Draw:
    """Return the draw of all queries but those of one fold, counted from 0."""
    return Draw(seed, ((fold / folds, 1), ((fold + 1) / folds, 0), (1.0, 1)))


def bootstrap(seed: int) -> Draw:
    """Return the Poisson bootstrap: each query as often as Poisson(1) says (Oza & Russell, AISTATS 2001)."""
    probability, upto, steps = exp(-1), 0.0, []
    for times in range(8):
        upto += probability
        steps.append((upto, times))
        probability /= times + 1
    return Draw(seed, (*steps[:-1], (1.0, 7)))
