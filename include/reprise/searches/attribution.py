"""Which play came from which search, and what the listener got from each item shown.

Last touch: a play counts for the latest search, at most ``attribution_s`` before it, that showed the item it was
opened from (the track itself, or an artist, album or playlist), unless another journey has begun since.
Autoplay counts for its first track only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.searches.fates import USED
from reprise.searches.journeys import seconds_between
from reprise.searches.utility import is_listened, is_whole, of_play, total
from reprise.settings import Logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame


def played(plays: DataFrame, logs: Logs) -> DataFrame:
    """Return one row per play in use: what it was opened from, its utility, whether it was repeated within a day."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    listened = is_listened(F.col("seconds"), F.col("duration"), logs.utility)
    later = Window.partitionBy("user", "item").orderBy("ts", "key").rowsBetween(1, Window.unboundedFollowing)
    again = F.first(F.when(F.col("listened") & ~F.col("autoplay"), F.col("ts")), ignorenulls=True).over(later)
    soon = seconds_between(F.col("ts"), F.col("again")) <= logs.journeys.save_s
    kept = plays.filter(F.col("fate") == USED).withColumn("autoplay", F.coalesce("autoplay", F.lit(False)))
    return kept.withColumn("listened", listened).withColumn("again", again).select(
        "user", "ts", "day", F.col("key").alias("play"), "item", "seconds", "duration", "autoplay", "listened",
        F.coalesce("from_item", "item").alias("touch"),
        of_play(F.col("seconds"), F.col("duration"), logs.utility).alias("utility"),
        F.coalesce(soon, F.lit(False)).alias("repeated"),
    )  # fmt: skip


def match(plays: DataFrame, searches: DataFrame, logs: Logs) -> DataFrame:
    """Return plays that a search may have led to: ``search_id``, ``success``, and the play itself as a struct."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    shown = searches.select(
        F.col("user").alias("u"),
        "search_id",
        F.col("ts").alias("search_ts"),
        F.explode("shown.item").alias("shown_item"),
    )
    since = seconds_between(F.col("search_ts"), F.col("ts"))
    together = (F.col("u") == F.col("user")) & (F.col("shown_item") == F.col("touch"))
    latest = Window.partitionBy("user", "play").orderBy(F.desc("search_ts"), F.desc("search_id"))
    return (
        plays.join(shown, together & since.between(0, logs.journeys.attribution_s))
        .withColumn("rank", F.row_number().over(latest))
        .filter("rank = 1")
        .select(
            "user", "ts", "search_id", (F.col("listened") & ~F.col("autoplay")).alias("success"),
            F.struct("play", "touch", "day", "item", "seconds", "autoplay", "utility", "repeated").alias("play"),
        )
    )  # fmt: skip


def credited(times: DataFrame) -> DataFrame:
    """Return the attributed plays of a timeline, without what autoplay added after the first track."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    opened = Window.partitionBy("user", "search_id", "touch").orderBy("ts", "play")
    return (
        times.filter((F.col("row") == "play") & F.col("attributed"))
        .select("user", "ts", "search_id", "journey_id", "play.*")
        .withColumn("number", F.row_number().over(opened))
        .filter(~F.col("autoplay") | (F.col("number") == 1))
        .drop("number")
    )


def outcomes(times: DataFrame, plays: DataFrame, playable: Sequence[str], *, clicks_only: bool) -> DataFrame:
    """Return one row per item shown in a settled search, with what the listener got from it.

    A clicked item that can be played (``playable`` entities) and has no play record is unknown: null, not zero.
    So is one whose plays' seconds are unknown, unless what is known already makes 1.
    """
    from pyspark.sql import functions as F

    shown = times.filter(F.col("row") == "search").select(
        "user", "journey", "journey_id", "dt", "answers", "s.search_id", "s.ts", "s.q", "s.surface", "s.scope",
        "s.ranker", "s.swapped", "s.clicks", "s.saves", F.explode("s.shown").alias("i"),
    ).select("*", "i.item", F.col("i.position").cast("long").alias("position")).drop("i")  # fmt: skip
    heard = plays.groupBy("user", "search_id", F.col("touch").alias("item")).agg(
        F.sum("seconds").alias("seconds"), total(F.col("utility")).alias("summed"),
        F.max(F.col("seconds").isNull()).alias("partly"), F.max("repeated").alias("repeated"),
        F.max("ts").alias("played_at"),
    )  # fmt: skip
    joined = shown.join(heard, ["user", "search_id", "item"], "left")
    joined = joined.withColumn("clicked", F.expr("exists(clicks, c -> c.item = item)")).withColumn(
        "saved", F.expr("exists(saves, c -> c.item = item)")
    )
    touched_at = F.expr("array_max(transform(filter(concat(clicks, saves), c -> c.item = item), c -> c.ts))")
    summed = F.coalesce("summed", F.lit(0.0))
    unknown = F.col("clicked") & F.split("item", ":")[0].isin(list(playable))
    utility = (
        F.when(F.col("saved") | F.coalesce("repeated", F.lit(False)), 1.0)
        .when(F.col("played_at").isNull(), F.when(unknown, None).otherwise(0.0))
        .when(F.col("partly") & ~is_whole(summed), None)
        .otherwise(F.least(F.lit(1.0), summed))
    )
    if clicks_only:
        utility = F.col("clicked").cast("double")
    return (
        joined.withColumn("utility", utility)
        .withColumn("touched_at", F.greatest("played_at", touched_at))
        .drop("clicks", "saves", "summed", "partly", "repeated", "played_at")
    )


def journey_outcomes(items: DataFrame) -> DataFrame:
    """Return per journey its summed utility, whether part of it is unknown, and its final item."""
    from pyspark.sql import functions as F

    wanted = F.col("utility").isNull() | (F.col("utility") > 0)
    final = F.max(F.when(wanted, F.struct("touched_at", "item", "utility")))
    return items.groupBy("user", "journey_id").agg(
        F.coalesce(total(F.col("utility")), F.lit(0.0)).alias("summed"),
        F.max(F.col("utility").isNull()).alias("partly"),
        final.alias("final"),
    )


def prefix_outcomes(times: DataFrame, journeys: DataFrame, logs: Logs) -> DataFrame:
    """Return one row per item shown under a displayed prefix; the journey's final item is credited there too."""
    from pyspark.sql import functions as F

    found = times.filter(F.col("row") == "search").select(
        "user", "journey_id", "dt", "answers", F.explode("s.prefixes").alias("p")
    )
    shown = found.select("user", "journey_id", "dt", "answers", "p.*").select("*", F.explode("shown").alias("i"))
    finals = journeys.select("user", "journey_id", "final")
    credit = F.when(F.col("i.item") == F.col("final.item"), F.col("final.utility")).otherwise(0.0)
    return shown.join(finals, ["user", "journey_id"], "left").select(
        "user", "journey_id", "dt", "answers", "search_id", "ts", "q", "surface", "scope", "ranker", "swapped",
        "i.item", F.col("i.position").cast("long").alias("position"),
        F.lit(False).alias("clicked"), F.lit(None).cast("double").alias("seconds"), F.lit(False).alias("saved"),
        credit.alias("utility"), F.lit(logs.journeys.displayed_weight).alias("prefix_weight"),
    )  # fmt: skip
