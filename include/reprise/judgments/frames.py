"""Judgments and query groups, as Spark frames over daily statistics; nothing here looks at single users."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from reprise.judgments.variants import with_group

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from reprise.settings.gate import Judging


def judged(
    stats: DataFrame,
    blocks: DataFrame,
    decided: DataFrame,
    taught: DataFrame | None,
    theta: DataFrame,
    variants: Sequence[str],
    own: Collection[str],
    settings: Judging,
    positions: int,
) -> DataFrame:
    """Return `judgments`: g = (Σ (utility − trust) + m·prior) / (Σ θ + m) by block, θ variant, query group and item.

    The prior is one number per block and variant, Σ (utility − trust) / Σ θ over the whole block: an item-level prior
    would hand the test to a popularity ranker. ``blocks`` maps dt to block; θ below the last position stays the last's.
    ``error`` is the standard error of g, of impressions and of m more that are like the block's on average: a pair seen
    once is not certain. ``decided`` is `query_variants`; ``taught`` is what experts add (`Taught`),
    in no prior. ``theta`` has a row per variant, all of ``variants``, ``surface`` and position; a surface that is not
    in ``own`` has the rows of "".
    """
    from pyspark.sql import functions as f

    surface = f.when(f.col("surface").isin(own), f.col("surface")).otherwise("").alias("surface")
    of_place = theta.groupBy("surface", "position").pivot("theta_variant", list(variants))
    looks = of_place.agg(f.first("theta").alias("theta"), f.first("trust").alias("trust"))
    weighed = [(f"{v}_{name}", f.expr(f"n * {v}_{name}")) for v in variants for name in ("theta", "trust")]
    shown = (
        stats.where(f.col("impressions") > 0)
        .select(
            "dt", "q", "item", surface, f.least("position", f.lit(positions)).alias("position"),
            f.col("impressions").alias("n"), f.col("utility_sum").alias("u"), f.col("utility_sq_sum").alias("u2"),
        )
        .join(f.broadcast(blocks), "dt")
        .join(f.broadcast(looks), ["surface", "position"])
        .repartition("q")  # a spelling is folded in one place
        .groupBy("block", "q", "item")
        .agg(*(f.sum(name).alias(name) for name in ("n", "u", "u2")), *(f.sum(x).alias(name) for name, x in weighed))
    )  # fmt: skip
    added = ["n", "u", "u2", *(name for name, _ in weighed)]
    by_variant = f.array(
        *(
            f.struct(
                f.lit(v).alias("theta_variant"),
                f.col(f"{v}_theta").alias("examination_sum"),
                f.col(f"{v}_trust").alias("trust_sum"),
            )
            for v in variants
        )
    )
    sums = (
        with_group(shown, decided)
        .groupBy("block", "query_group", "item")
        .agg(*(f.sum(name).alias(name) for name in added))
        .cache()
        .select(
            "block", "query_group", "item", f.col("n").alias("impressions"), f.col("u").alias("utility_sum"), "u2",
            f.lit(0).cast("bigint").alias("graders"), f.inline(by_variant),
        )
    )  # fmt: skip
    prior = sums.groupBy("block", "theta_variant").agg(
        f.expr("sum(utility_sum - trust_sum) / sum(examination_sum)").alias("prior"),
        f.expr("sum(utility_sum) / sum(impressions)").alias("mean"),
        f.expr("sum(u2) / sum(impressions)").alias("mean_square"),
    )
    if taught is not None:
        sums = _with_experts(sums, taught)
    m = f.lit(float(settings.prior_weight))
    g = (f.col("utility_sum") - f.col("trust_sum") + m * f.col("prior")) / (f.col("examination_sum") + m)
    seen = f.col("impressions") + m
    spread = (f.col("u2") + m * f.col("mean_square")) / seen - f.pow(
        (f.col("utility_sum") + m * f.col("mean")) / seen, f.lit(2.0)
    )
    error = f.sqrt(seen * f.greatest(spread, f.lit(0.0))) / (f.col("examination_sum") + m)
    grade = reduce(add, [(f.col("g") >= cut).cast("bigint") for cut in settings.grade_cuts])
    return (
        sums.join(f.broadcast(prior), ["block", "theta_variant"])
        .withColumn("g", f.least(f.lit(1.0), f.greatest(f.lit(0.0), g)))
        .withColumn("grade", grade)
        .withColumn("error", error)
    )


def _with_experts(sums: DataFrame, taught: DataFrame) -> DataFrame:
    """Return the sums with the experts' looks added, under every θ: what they say has no position."""
    from pyspark.sql import functions as f

    key = ["block", "theta_variant", "query_group", "item"]
    added = taught.join(f.broadcast(sums.select("theta_variant").distinct())).select(
        *key,
        f.lit(0.0).alias("impressions"),
        f.col("utility").alias("utility_sum"),
        f.col("squares").alias("u2"),
        f.col("looks").alias("examination_sum"),
        f.lit(0.0).alias("trust_sum"),
        "graders",
    )
    both = sums.select(*added.columns).unionByName(added).groupBy(*key)
    return both.agg(*(f.sum(name).alias(name) for name in added.columns if name not in key))


def groups(stats: DataFrame, items: DataFrame, blocks: DataFrame, decided: DataFrame, periods: DataFrame) -> DataFrame:
    """Return `query_groups`: text, traffic, language, segment, novelty, users and lists of every group and block.

    ``stats`` is query_stats of the whole window, so that a group can have been seen before; ``items`` is
    query_item_stats, whose first places tell how many lists were shown; ``blocks`` has dt, block
    and the block's first day; ``decided`` is `query_variants`; ``periods`` maps dt to the period in which a user keeps
    one hash. Head queries carry the first third of a block's searches, torso the second.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    counted = with_group(stats.withColumnRenamed("searches", "n"), decided).cache()
    first_seen = counted.groupBy("query_group").agg(f.min("dt").alias("first_seen"))
    inside = counted.join(f.broadcast(blocks), "dt")
    totals = inside.groupBy("block", "first", "query_group").agg(f.sum("n").alias("searches"))
    before = Window.partitionBy("block").orderBy(f.desc("searches"), "query_group")
    share = (f.sum("searches").over(before) - f.col("searches")) / f.sum("searches").over(Window.partitionBy("block"))
    return (
        totals.withColumn("share", share)
        .withColumn(
            "segment", f.expr("case when share < 1 / 3.0 then 'head' when share < 2 / 3.0 then 'torso' else 'tail' end")
        )
        .join(_most_frequent(inside, "q").withColumnRenamed("q", "query"), ["block", "query_group"])
        .join(_most_frequent(inside, "language"), ["block", "query_group"])
        .join(first_seen, "query_group")
        .withColumn("seen_before", f.col("first_seen") < f.col("first"))
        .join(_users(inside, periods), ["block", "query_group"])
        .join(_lists(items, blocks, decided), ["block", "query_group"], "left")
        .withColumn("lists", f.coalesce("lists", f.lit(0.0)))
    )


def _lists(items: DataFrame, blocks: DataFrame, decided: DataFrame) -> DataFrame:
    """Return how many lists each group was answered with, displayed prefixes included: each has one first item."""
    from pyspark.sql import functions as f

    first = items.where((f.col("position") == 1) & (f.col("impressions") > 0)).join(f.broadcast(blocks), "dt")
    by_q = first.groupBy("block", "q").agg(f.sum("impressions").alias("n"))
    return with_group(by_q, decided).groupBy("block", "query_group").agg(f.sum("n").alias("lists"))


def _users(inside: DataFrame, periods: DataFrame) -> DataFrame:
    """Return how many users searched each group in its block: those of the period that saw most, so never too many."""
    from pyspark.sql import functions as f

    seen = inside.join(f.broadcast(periods), "dt").groupBy("block", "query_group", "period")
    by_period = seen.agg(f.bit_count(f.expr("bit_or(listeners)")).cast("bigint").alias("users"))
    return by_period.groupBy("block", "query_group").agg(f.max("users").alias("users"))


def _most_frequent(counted: DataFrame, column: str) -> DataFrame:
    """Return each group's most frequent value in its block; of equals, the alphabetically last."""
    from pyspark.sql import functions as f

    return (
        counted.groupBy("block", "query_group", column)
        .agg(f.sum("n").alias("n"))
        .groupBy("block", "query_group")
        .agg(f.max(f.struct("n", column))[column].alias(column))
    )
