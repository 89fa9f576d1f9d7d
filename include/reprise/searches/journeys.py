"""From single requests to settled searches, and from searches to journeys.

Prefixes that follow each other within ``settle_s`` are one search, settled at the last of them or at one that was
clicked. A prefix whose results stood for ``displayed_ms`` was displayed all the same. A journey is a listener's
consecutive searches; the next search begins a new one after ``idle_s`` without a search, or when something that
search had shown within ``attribution_s`` has since been listened to (or saved).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.searches.fates import USED
from reprise.searches.text import normalise
from reprise.settings import Logs

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_ANSWER = ("surface", "scope", "language", "ranker")


def settled_searches(records: DataFrame, logs: Logs) -> DataFrame:
    """Return one row per settled search, with what was shown, clicked and saved, and its displayed prefixes."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    asked = _requests(records, logs)
    order = Window.partitionBy("user").orderBy("ts", "search_id")
    gap = seconds_between(F.col("ts"), F.lead("ts").over(order))
    acted = (F.size("clicks") > 0) | (F.size("saves") > 0)
    stood = F.coalesce(F.col("shown_ms").cast("double"), gap * 1000)
    asked = asked.withColumn("settled", gap.isNull() | (gap >= logs.journeys.settle_s) | acted).withColumn(
        "displayed", ~F.col("settled") & (stood >= logs.journeys.displayed_ms)
    )
    before = order.rowsBetween(Window.unboundedPreceding, -1)
    asked = asked.withColumn("run", F.coalesce(F.sum(F.col("settled").cast("int")).over(before), F.lit(0)))
    run = Window.partitionBy("user", "run")
    prefix = F.when(
        F.col("displayed"), F.struct("search_id", "ts", "q", "surface", "scope", "ranker", "swapped", "shown")
    )
    return (
        asked.withColumn("keystrokes", F.count("*").over(run))
        .withColumn("began", F.min("ts").over(run))
        .withColumn("prefixes", F.collect_list(prefix).over(run))
        .filter("settled")
        .drop("settled", "displayed", "run", "shown_ms")
    )


def _requests(records: DataFrame, logs: Logs) -> DataFrame:
    """One row per search record in use, with the clicks and saves that name it."""
    from pyspark.sql import functions as F
    from pyspark.sql.pandas.functions import pandas_udf

    @pandas_udf("string")  # type: ignore[call-overload]
    def normalised(queries):  # type: ignore[no-untyped-def]
        return queries.map(normalise)

    used = records.filter((F.col("fate") == USED) & F.col("search_id").isNotNull())
    touched = F.struct("ts", "item")
    in_time = seconds_between(F.col("search_ts"), F.col("ts")) <= logs.journeys.save_s
    asked = F.struct(
        "ts", "query", F.coalesce("shown", F.array()).cast("array<struct<position:int,item:string>>").alias("shown"),
        "shown_ms", F.coalesce("swapped", F.lit(0)).alias("swapped"),
        *[F.coalesce(name, F.lit("")).alias(name) for name in _ANSWER],
    )  # fmt: skip
    grouped = used.groupBy("user", "search_id").agg(
        F.first(F.when(F.col("kind") == "search", asked), ignorenulls=True).alias("asked"),
        F.sort_array(F.collect_list(F.when(F.col("action") == "click", touched))).alias("clicks"),
        F.sort_array(F.collect_list(F.when((F.col("action") == "save") & in_time, touched))).alias("saves"),
    )
    flat = grouped.select("user", "search_id", "asked.*", "clicks", "saves")
    return flat.withColumn("q", normalised(F.col("query")))


def timeline(searches: DataFrame, plays: DataFrame, logs: Logs, *, clicks_only: bool) -> DataFrame:
    """Return searches, matched plays and saves in each user's order, with their journey and their day's ``answers``.

    ``plays`` are matched plays with ``search_id`` and ``success``. A play or save whose search lies in an earlier
    journey than the one under way is not ``attributed``.
    """
    from pyspark.sql import functions as F

    touches = "saves" if not clicks_only else "concat(saves, clicks)"
    touched = searches.select("user", "search_id", F.explode(F.expr(touches)).alias("t"))
    rows = (
        searches.select("user", "ts", "search_id", F.lit("search").alias("row"), F.struct(*searches.columns).alias("s"))
        .unionByName(
            plays.select(
                "user", "ts", "search_id", F.lit("play").alias("row"), "success", "play",
            ),
            allowMissingColumns=True,
        )
        .unionByName(
            touched.select(
                "user", F.col("t.ts").alias("ts"), "search_id", F.lit("touch").alias("row"),
                F.lit(True).alias("success"),
            ),
            allowMissingColumns=True,
        )
    )  # fmt: skip
    return _journeys(rows, logs)


def _journeys(rows: DataFrame, logs: Logs) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    is_search = F.col("row") == "search"
    # At the same instant a search comes before what followed from it.
    rows = rows.withColumn("tie", F.when(is_search, 0).otherwise(1)).withColumn(
        "success", F.coalesce("success", F.lit(False))
    )
    order = [F.col("ts"), F.col("tie"), F.col("search_id"), F.coalesce("play.play", F.lit(""))]
    so_far = Window.partitionBy("user").orderBy(*order).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    among_searches = Window.partitionBy("user", "tie").orderBy(*order)
    rows = rows.withColumn("successes", F.sum(F.col("success").cast("int")).over(so_far))
    last, last_successes = F.lag("ts").over(among_searches), F.lag("successes").over(among_searches)
    gap = seconds_between(last, F.col("ts"))
    new = last.isNull() | (gap > logs.journeys.idle_s) | (F.col("successes") > last_successes)
    rows = rows.withColumn("gap", F.when(is_search, gap)).withColumn("new", is_search & new)
    rows = rows.withColumn("journey", F.sum(F.col("new").cast("int")).over(so_far))
    whole = Window.partitionBy("user", "journey")
    by_search = Window.partitionBy("user", "search_id")
    home = F.max(F.when(is_search, F.col("journey"))).over(by_search)
    first = F.min(F.when(is_search, F.struct("ts", "search_id"))).over(whole)
    answers = F.sum(F.when(is_search, 1 + F.size("s.prefixes"))).over(Window.partitionBy("user", "dt"))
    return (
        rows.withColumn("first", first)
        .withColumn("attributed", F.col("journey") == home)
        .withColumn("journey_id", F.col("first.search_id"))
        .withColumn("dt", F.date_format("first.ts", "yyyy-MM-dd"))
        .withColumn(
            "reformulated", F.coalesce(~F.col("new") & (F.col("gap") <= logs.journeys.reformulation_s), F.lit(False))
        )
        .withColumn("answers", answers)
        .drop("first", "new", "gap", "successes", "tie")
    )


def seconds_between(earlier: Column, later: Column) -> Column:
    """Return later minus earlier, to the microsecond."""
    from pyspark.sql import functions as F

    return (F.unix_micros(later) - F.unix_micros(earlier)) / 1e6
