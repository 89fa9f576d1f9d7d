"""What position bias is measured from, as Spark frames: one item of one query at several places of a day."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from reprise.judgments.trust import TIERS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


#: Of so many parts of the queries whole ones are drawn for the interval of θ.
PARTS = 100


_SHOWN_AS = ["scope", "surface", "q", "item"]
_KEY = ["dt", *_SHOWN_AS]


def places(stats: DataFrame, positions: int) -> DataFrame:
    """Return by day, scope, surface, q and item its ``places``: (position, n impressions, c clicks), two or more of
    them and one of them clicked.

    ``stats`` is query_item_stats of the days to learn position bias from. A sum for each position, not a list of them:
    Spark gathers lists by sorting everything.
    """
    from pyspark.sql import functions as f

    every = range(1, positions + 1)
    sums = [
        f.sum(f.when(f.col("position") == k, f.col(of)).otherwise(0.0)).alias(f"{name}{k}")
        for k in every
        for name, of in (("n", "impressions"), ("c", "clicks"))
    ]
    shown = f.array(*(f.struct(f.lit(k).alias("position"), f.col(f"n{k}").alias("n"), f.col(f"c{k}").alias("c"))
                      for k in every))  # fmt: skip
    clicked = reduce(add, [f.col(f"c{k}") for k in every])
    return (
        _shown(stats, positions)
        .groupBy(*_KEY)
        .agg(*sums)
        .where(clicked > 0)
        .select(*_KEY, f.filter(shown, lambda place: place.n > 0).alias("places"))
        .where(f.size("places") > 1)
    )


def contrasts(places: DataFrame) -> DataFrame:
    """Return a row per part of the queries, surface and pair of positions: pooled clicks above and below, and pairs.

    See `reprise.judgments.harvest` for the method.
    """
    from pyspark.sql import functions as f

    apart = places.select(
        f.expr(f"pmod(hash(q), {PARTS})").alias("part"), "surface", f.explode("places").alias("a"), "places"
    )
    pairs = apart.select("part", "surface", "a", f.explode("places").alias("b")).where(
        "a.position < b.position and a.c + b.c > 0"
    )
    return pairs.groupBy("part", "surface", f.col("a.position").alias("upper"), f.col("b.position").alias("lower")).agg(
        f.sum(f.expr("a.c * b.n / (a.n + b.n)")).alias("clicks_upper"),
        f.sum(f.expr("b.c * a.n / (a.n + b.n)")).alias("clicks_lower"),
        f.count("*").alias("pairs"),
    )


def most_shown(places: DataFrame, most: int) -> DataFrame:
    """Return ``pair``, position, n and c of the places of those shown most, ``most`` of (day, …, item) at most."""
    from pyspark.sql import functions as f

    shown = f.aggregate("places", f.lit(0.0), lambda total, place: total + place.n)
    first = places.withColumn("shown", shown).orderBy(f.desc("shown"), *_KEY).limit(most)
    return first.select(f.concat_ws("\t", *_KEY).alias("pair"), f.inline("places"))


def levels(stats: DataFrame, positions: int) -> DataFrame:
    """Return a row per pair of positions and tier of worth; see `reprise.judgments.trust`."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    seen = (
        _shown(stats, positions)
        .repartition(*_SHOWN_AS)  # all that is compared below is in one partition, and shuffled once
        .groupBy(*_KEY, "position")
        .agg(f.sum("impressions").alias("n"), f.sum("utility_sum").alias("u"))
        .cache()
    )
    ever, today = Window.partitionBy(*_SHOWN_AS), Window.partitionBy(*_KEY)
    other_n, other_u = (f.sum(name).over(ever) - f.sum(name).over(today) for name in ("n", "u"))
    mean = seen.agg(f.try_divide(f.sum("u"), f.sum("n")).alias("mean"))
    tiered = (
        seen.withColumn("other_n", other_n)
        .withColumn("worth", f.try_divide(other_u, f.col("other_n")))
        .where("other_n > 0")
        .join(f.broadcast(mean))
        .withColumn("tier", reduce(add, [(f.col("worth") >= f.col("mean") * cut).cast("int") for cut in TIERS]))
    )
    placed = (
        tiered.groupBy(*_KEY, "tier")
        .agg(f.array_sort(f.collect_list(f.struct("position", "n", "u"))).alias("places"))
        .where(f.size("places") > 1)
    )
    apart = placed.select("tier", f.explode("places").alias("a"), "places")
    pairs = apart.select("tier", "a", f.explode("places").alias("b")).where("a.position < b.position")
    return pairs.groupBy(f.col("a.position").alias("upper"), f.col("b.position").alias("lower"), "tier").agg(
        f.sum(f.expr("a.u * b.n / (a.n + b.n)")).alias("utility_upper"),
        f.sum(f.expr("b.u * a.n / (a.n + b.n)")).alias("utility_lower"),
        f.sum(f.expr("a.n * b.n / (a.n + b.n)")).alias("weight"),
        f.count("*").alias("pairs"),
    )


def _shown(stats: DataFrame, positions: int) -> DataFrame:
    from pyspark.sql import functions as f

    return stats.where((f.col("position") <= positions) & (f.col("impressions") > 0))
