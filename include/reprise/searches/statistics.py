"""The daily tables that later stages read instead of raw logs.

- query_stats: settled searches of known or unknown outcome, by text and language.
- query_item_stats: weighted sums over impressions of known utility. A listener counts at most
  ``max_impressions_per_user_item_day`` times per item and day.
- item_stats: all plays of an item on a day. A skip ends before min(listen_s, D/2); a completion reaches
  ``COMPLETE`` of the track. Organic plays are those that no search led to.
- journey_stats: journeys of known score; score = min(1, summed utility), abandoned = 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.searches.fates import USED
from reprise.searches.utility import is_whole, total
from reprise.settings import Logs

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

COMPLETE = 0.9
#: Bits of a positive 64-bit number.
LISTENER_GROUPS = 63


def query_stats(times: DataFrame) -> DataFrame:
    """Return searches per day, text and language, and a bit for each group of listeners among them."""
    from pyspark.sql import functions as F

    group = F.expr(f"shiftleft(1L, cast(pmod(xxhash64(user), {LISTENER_GROUPS}) as int))").alias("group")
    found = times.filter(F.col("row") == "search").select("dt", "s.q", "s.language", group)
    return found.groupBy("dt", "q", "language").agg(
        F.count("*").alias("searches"), F.expr("bit_or(group)").alias("listeners")
    )


def query_item_stats(impressions: DataFrame, logs: Logs) -> DataFrame:
    """Return Σ weight, clicks, utility and squared utility per day, query, item, position and what ordered it."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    seen = Window.partitionBy("dt", "user", "item").orderBy("ts", "search_id", "position")
    cap, known = logs.utility.max_impressions_per_user_item_day, impressions.filter(F.col("utility").isNotNull())
    # Whoever was answered no more often than that saw nothing more often; only the others' rows must be sorted.
    few, many = known.filter(F.col("answers") <= cap), known.filter(F.col("answers") > cap)
    numbered = many.withColumn("number", F.row_number().over(seen))
    capped = few.unionByName(numbered.filter(F.col("number") <= cap).drop("number"))
    weight, utility = F.col("prefix_weight"), F.col("utility")
    return capped.groupBy("dt", "q", "item", "position", "ranker", "surface", "scope", "swapped").agg(
        total(weight).alias("impressions"),
        total(F.when(F.col("clicked"), weight).otherwise(0.0)).alias("clicks"),
        total(weight * utility).alias("utility_sum"),
        total(weight * utility * utility).alias("utility_sq_sum"),
        F.countDistinct("user").alias("user_days"),
    )


def item_stats(
    plays: DataFrame, times: DataFrame, credited: DataFrame, records: DataFrame, impressions: DataFrame
) -> DataFrame:
    """Return plays, listeners, skips, completions, saves and search utility per day and item."""
    from pyspark.sql import functions as F

    caused = times.filter((F.col("row") == "play") & F.col("attributed")).select(
        "user", F.col("play.play").alias("play"), F.lit(True).alias("caused")
    )
    searched = credited.select("user", "play", F.lit(True).alias("credited"))
    every = plays.join(caused, ["user", "play"], "left").join(searched, ["user", "play"], "left")
    known = F.col("seconds").isNotNull()
    complete = F.coalesce(F.col("seconds") >= COMPLETE * F.col("duration"), F.lit(False))
    by_play = every.groupBy(F.col("day").alias("dt"), "item").agg(
        F.count("*").alias("plays"), _count(F.col("caused").isNull()).alias("organic_plays"),
        _count(known & ~F.col("listened")).alias("skips"), _count(complete).alias("completions"),
        F.countDistinct("user").alias("listeners"), _count(F.col("credited")).alias("search_plays"),
    )  # fmt: skip
    saves = records.filter((F.col("fate") == USED) & (F.col("action") == "save"))
    by_save = saves.groupBy(F.col("day").alias("dt"), "item").agg(F.count("*").alias("saves"))
    settled = impressions.filter((F.col("prefix_weight") == 1) & (F.col("utility") > 0))
    by_search = settled.groupBy("dt", "item").agg(total(F.col("utility")).alias("search_utility_sum"))
    joined = by_play.join(by_save, ["dt", "item"], "full").join(by_search, ["dt", "item"], "full")
    return joined.fillna(0).fillna(0.0, ["search_utility_sum"])


def journey_stats(times: DataFrame, credited: DataFrame, journeys: DataFrame, logs: Logs) -> DataFrame:
    """Return sums over journeys of known score, by the first search's scope, ranker and surface, and user bucket."""
    from pyspark.sql import functions as F

    is_search, success = F.col("row") == "search", F.col("success") & F.col("attributed")
    first = F.min(F.when(is_search, F.struct("ts", "search_id", "s.scope", "s.ranker", "s.surface")))
    whole = times.groupBy("user", "journey_id", "dt").agg(
        first.alias("first"), F.min(F.when(is_search, F.col("s.began"))).alias("began"),
        F.sum(F.when(is_search, F.col("s.keystrokes"))).alias("keystrokes"),
        F.min(F.when(success, F.col("ts"))).alias("succeeded"),
    )  # fmt: skip
    first_play = credited.groupBy("user", "journey_id").agg(
        F.min(F.struct("ts", "play", "seconds")).getField("seconds").alias("first_seconds")
    )
    joined = whole.join(journeys, ["user", "journey_id"], "left").join(first_play, ["user", "journey_id"], "left")
    summed = F.coalesce("summed", F.lit(0.0))
    known = joined.filter(is_whole(summed) | ~F.coalesce("partly", F.lit(False)))
    known = known.withColumn("score", F.least(F.lit(1.0), summed)).withColumn(
        "user_bucket", bucket(F.col("user"), logs)
    )
    taken_us = F.sum(F.unix_micros("succeeded") - F.unix_micros("began"))
    return known.groupBy("dt", "first.scope", "first.ranker", "first.surface", "user_bucket").agg(
        F.count("*").alias("journeys"), total(F.col("score")).alias("score_sum"),
        total(F.col("score") * F.col("score")).alias("score_sq_sum"),
        _count(F.col("succeeded").isNotNull()).alias("successes"),
        _count(F.col("first_seconds") < logs.utility.bounce_s).alias("bounces"),
        F.coalesce(taken_us / 1e6, F.lit(0.0)).alias("time_to_success_s_sum"),
        F.sum("keystrokes").alias("keystrokes_sum"),
    )  # fmt: skip


def bucket(user: Column, logs: Logs) -> Column:
    """Return a user's bucket: the first eight hex digits modulo ``user_buckets``.

    Under another key a user is in another bucket: two lakes with keys of their own differ in ``journey_stats``.
    """
    from pyspark.sql import functions as F

    return F.conv(F.substring(user, 1, 8), 16, 10).cast("long") % logs.journeys.user_buckets


def _count(condition: Column) -> Column:
    from pyspark.sql import functions as F

    return F.sum(F.coalesce(condition, F.lit(False)).cast("long"))
