"""What listeners did with an item before a day, from daily statistics; labels of that day or later never enter.

Counts (``plays``, ``listeners``: listeners of each day, added up) are log1p of the count per full window, so that a
history shorter than the window does not read as less interest. Rates are shrunk to the mean of the item's entity
type (the part of its id before ``:``): (events + prior · mean) / (opportunities + prior), with
mean = Σ events / Σ opportunities over the type, so that one play tells little and a thousand tell all.

| measure | events | opportunities |
|---|---|---|
| completion | completions | plays |
| skip_rate | skips | plays |
| save_rate | saves | plays |
| search_utility | Σ utility in searches | plays that a search caused |

An item without statistics in the window has no row; Solr then answers 0, and so does the training set.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from reprise.settings import BehaviourFeature

COUNTS = {"plays": "plays", "listeners": "listeners"}
RATES = {
    "completion": ("completions", "plays"),
    "skip_rate": ("skips", "plays"),
    "save_rate": ("saves", "plays"),
    "search_utility": ("search_utility_sum", "search_plays"),
}


def last_day(block_first: str, lag_days: int) -> str:
    """Return the newest day whose statistics a block may know: serving lags the same number of days behind."""
    return (date.fromisoformat(block_first) - timedelta(days=1 + lag_days)).isoformat()


def values(
    stats: DataFrame, days: Sequence[str], until: str, features: Sequence[tuple[str, BehaviourFeature]]
) -> DataFrame:
    """Return one row per item: ``item`` and a float column for each (column name, feature), as known at ``until``.

    ``stats`` is item_stats; ``days`` are all days it covers, so that a day without plays counts as a day.
    """
    from functools import reduce

    frames = [
        _window(stats, days, until, length, [(n, f) for n, f in features if f.days == length])
        for length in sorted({feature.days for _, feature in features})
    ]
    return reduce(lambda left, right: left.join(right, "item", "full"), frames).fillna(0.0)


def _window(
    stats: DataFrame, days: Sequence[str], until: str, length: int, features: Sequence[tuple[str, BehaviourFeature]]
) -> DataFrame:
    from pyspark.sql import functions as f

    first = (date.fromisoformat(until) - timedelta(days=length - 1)).isoformat()
    covered = sum(1 for day in days if first <= day <= until)
    used = {COUNTS[x.measure]: 0 for _, x in features if x.measure in COUNTS}
    used |= dict.fromkeys((c for _, x in features if x.measure in RATES for c in RATES[x.measure]), 0)
    sums = (
        stats.where(f.col("dt").between(first, until))
        .groupBy("item")
        .agg(*(f.sum(column).cast("double").alias(column) for column in sorted(used)))
        .withColumn("entity", f.substring_index("item", ":", 1))
    )
    types = sums.groupBy("entity").agg(
        *(f.try_divide(f.sum(RATES[x.measure][0]), f.sum(RATES[x.measure][1])).alias(f"mean_{name}")
          for name, x in features if x.measure in RATES),
        f.count("*").alias("items"),
    )  # fmt: skip
    scale = length / max(covered, 1)
    columns = [_value(name, feature, scale) for name, feature in features]
    return sums.join(f.broadcast(types), "entity").select("item", *columns)


def _value(name: str, feature: BehaviourFeature, scale: float) -> Column:
    from pyspark.sql import functions as f

    if feature.measure in COUNTS:
        value = f.log1p(f.col(COUNTS[feature.measure]) * scale)
    else:
        events, opportunities = (f.col(column) for column in RATES[feature.measure])
        mean = f.coalesce(f.col(f"mean_{name}"), f.lit(0.0))
        prior = float(feature.prior)
        # Without a prior and without an opportunity there is no rate to speak of: the type's mean.
        value = f.coalesce(f.try_divide(events + prior * mean, opportunities + prior), mean)
    return value.cast("float").alias(name)
