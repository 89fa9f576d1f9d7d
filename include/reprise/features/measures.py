"""What listeners did with an item before a day, from daily statistics; labels of that day or later never enter.

Counts (``plays``, ``listeners``: listeners of each day, added up) are log1p of the count per full window, so that a
history shorter than the window does not read as less interest. Rates are shrunk to the mean of the item's entity
type (the part of its id before ``:``): (events + prior · mean) / (opportunities + prior), with
mean = Σ events / Σ opportunities over the type, so that one play tells little and a thousand tell all.
``search_plays``, a count like the others, is the evidence behind ``search_utility``. ``trend`` sets the plays of the
last ``recent_days`` against what as many days had on average, drawn towards no change:
log((recent + prior) / (average + prior)); above 0 interest rises.

| measure | events | opportunities |
|---|---|---|
| completion | completions | plays |
| skip_rate | skips | plays |
| save_rate | saves | plays |
| search_utility | Σ utility in searches | plays that a search caused |

An item without statistics in the window has no row; Solr then answers the feature's ``default``, and so does the
training set.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from reprise.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from reprise.plan import Block
    from reprise.settings import BehaviourFeature

COUNTS = {"plays": "plays", "listeners": "listeners", "search_plays": "search_plays"}
TREND = "trend"
RATES = {
    "completion": ("completions", "plays"),
    "skip_rate": ("skips", "plays"),
    "save_rate": ("saves", "plays"),
    "search_utility": ("search_utility_sum", "search_plays"),
}


def last_day(block_first: str, lag_days: int) -> str:
    """Return the newest day whose statistics a block may know: serving lags the same number of days behind."""
    return _back(block_first, 1 + lag_days)


def values_before(
    stats: DataFrame,
    days: Sequence[str],
    block: Block,
    lag_days: int,
    features: Sequence[tuple[str, BehaviourFeature]],
) -> DataFrame:
    """Return ``values`` as a block may know them; a lag that lets it see days of its own labels is an error."""
    until = last_day(block.first, lag_days)
    if until >= block.first:
        raise UsageError(
            f"behaviour as of {until} would hold days of block {block.name}, whose labels begin on {block.first}",
            "behaviour_lag_days in solr.yaml is 0 or more",
        )
    from pyspark.sql import functions as f

    # Twice: whatever a measure makes of its window, the block's own days and all later ones are not there.
    return values(stats.where(f.col("dt") < block.first), days, until, features)


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
    joined = reduce(lambda left, right: left.join(right, "item", "full"), frames)
    return joined.fillna({name: feature.default for name, feature in features})


def _window(
    stats: DataFrame, days: Sequence[str], until: str, length: int, features: Sequence[tuple[str, BehaviourFeature]]
) -> DataFrame:
    from pyspark.sql import functions as f

    first = _back(until, length - 1)
    covered = sum(1 for day in days if first <= day <= until)
    used = {COUNTS[x.measure]: 0 for _, x in features if x.measure in COUNTS}
    used |= dict.fromkeys((c for _, x in features if x.measure in RATES for c in RATES[x.measure]), 0)
    trends = {x.recent_days for _, x in features if x.measure == TREND}
    used |= {"plays": 0} if trends else {}
    newest = [(f"plays_{n}", f.expr(f"sum(case when dt > '{_back(until, n)}' then plays else 0 end)")) for n in trends]
    sums = (
        stats.where(f.col("dt").between(first, until))
        .groupBy("item")
        .agg(
            *(f.sum(column).cast("double").alias(column) for column in sorted(used)),
            *(total.cast("double").alias(column) for column, total in newest),
        )
        .withColumn("entity", f.substring_index("item", ":", 1))
    )
    types = sums.groupBy("entity").agg(
        *(f.try_divide(f.sum(RATES[x.measure][0]), f.sum(RATES[x.measure][1])).alias(f"mean_{name}")
          for name, x in features if x.measure in RATES),
        f.count("*").alias("items"),
    )  # fmt: skip
    columns = [_value(name, feature, covered) for name, feature in features]
    return sums.join(f.broadcast(types), "entity").select("item", *columns)


def _value(name: str, feature: BehaviourFeature, covered: int) -> Column:
    from pyspark.sql import functions as f

    prior = float(feature.prior)
    if feature.measure in COUNTS:
        value = f.log1p(f.col(COUNTS[feature.measure]) * (feature.days / max(covered, 1)))
    elif feature.measure == TREND:
        # A history shorter than the window is all there is to compare with.
        share = min(1.0, feature.recent_days / max(covered, 1))
        value = f.log(f.try_divide(f.col(f"plays_{feature.recent_days}") + prior, f.col("plays") * share + prior))
        value = f.coalesce(value, f.lit(float(feature.default)))  # no play at all, and no prior
    else:
        events, opportunities = (f.col(column) for column in RATES[feature.measure])
        mean = f.coalesce(f.col(f"mean_{name}"), f.lit(0.0))
        # Without a prior and without an opportunity there is no rate to speak of: the type's mean.
        value = f.coalesce(f.try_divide(events + prior * mean, opportunities + prior), mean)
    return value.cast("float").alias(name)


def _back(day: str, days: int) -> str:
    return (date.fromisoformat(day) - timedelta(days=days)).isoformat()
