"""Every record ends somewhere: used, dropped for a reason, or rejected for one; the books balance.

Records are looked at per user, so one shuffle serves all that follows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprise.errors import RepriseError
from reprise.settings import Logs

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

USED = "used"


@dataclass(frozen=True)
class Fates:
    """Records in use, by kind, and those that fell out, all with their fate."""

    searches: DataFrame  # search records and events; events carry their search's time and results
    plays: DataFrame
    fallen: DataFrame


@dataclass(frozen=True)
class Live:
    """Readable records with their fate: search records and events (with their search's time and list), and plays."""

    searches: DataFrame
    plays: DataFrame


def assign(live: DataFrame, logs: Logs, partitions: int) -> Live:
    """Return readable records with a fate: duplicates, opted-out, extreme and unattributable ones dropped."""
    from pyspark.sql import functions as F

    known = _by_user_day(_duplicates(live.repartition(partitions, "user")), logs)
    searches = _events(known.filter(F.col("kind") != "play"))
    return Live(searches, _capped_plays(known.filter(F.col("kind") == "play"), logs))


def without_opted_out(fallen: DataFrame, live: DataFrame) -> DataFrame:
    """Return fallen records, those of listeners who opted out that day marked so: a reject keeps its text."""
    from pyspark.sql import functions as F

    opted = live.filter("opted_out").select("user", "file_day", F.lit(True).alias("opted")).distinct()
    return fallen.join(opted, ["user", "file_day"], "left").withColumn(
        "fate", F.when(F.col("opted"), "dropped:opted out").otherwise(F.col("fate"))
    )


def counts(fates: Fates) -> DataFrame:
    """Return (dt, source, fate, records) of every record, whatever became of it."""
    from pyspark.sql import functions as F

    parts = [frame.select("file_day", "source", "fate") for frame in (fates.searches, fates.plays, fates.fallen)]
    everything = parts[0].unionByName(parts[1]).unionByName(parts[2])
    counted = everything.groupBy(F.col("file_day").alias("dt"), "source", "fate")
    return counted.agg(F.count("*").alias("records"))


def check_books(records_in: int, counted: int) -> None:
    """Ensure that every record read has exactly one fate."""
    if records_in != counted:
        raise RepriseError(
            f"the books do not balance: {records_in:,} records read, {counted:,} accounted for",
            "report this: a record was lost or counted twice",
        )


def _duplicates(live: DataFrame) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    same = Window.partitionBy("user", "kind", "key").orderBy("file_day", "ts", "digest", "source")
    exactly = Window.partitionBy("user", "kind", "key", "digest").orderBy("file_day", "source")
    copy = F.when(F.row_number().over(exactly) > 1, "dropped:duplicate")
    copy = copy.when(F.row_number().over(same) > 1, "dropped:duplicate id")
    # An opted-out record is never the one that is kept of its copies, nor the one counted as a copy.
    numbered = live.withColumn("fate", copy)
    return numbered.withColumn("fate", F.when(F.col("opted_out"), "dropped:opted out").otherwise(F.col("fate")))


def _by_user_day(live: DataFrame, logs: Logs) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    day = Window.partitionBy("user", "day")
    asked = F.sum(((F.col("kind") == "search") & F.col("fate").isNull()).cast("int")).over(day)
    extreme = asked > logs.utility.max_searches_per_user_day
    return live.withColumn(
        "fate",
        F.when(F.max("opted_out").over(day), "dropped:opted out")
        .when(F.col("fate").isNotNull(), F.col("fate"))
        .when(extreme, "dropped:extreme user"),
    )


def _events(frame: DataFrame) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    mine = Window.partitionBy("user", "search_id")
    kept, is_search = F.col("fate").isNull(), F.col("kind") == "search"
    shown = F.when(kept & (F.col("action") == "impression"), F.struct("position", "item"))
    frame = (
        frame.withColumn("search_ts", F.max(F.when(kept & is_search, F.col("ts"))).over(mine))
        .withColumn("listed", F.first(F.when(kept & is_search, F.col("results")), ignorenulls=True).over(mine))
        .withColumn("evented", F.sort_array(F.collect_list(shown).over(mine)))
        .withColumn("shown", _shown(F.col("listed"), F.col("evented")))
        .drop("listed", "evented")
    )
    event, action = F.col("kind") == "event", F.col("action")
    named = F.col("search_id").isNotNull()
    on_list = F.expr("exists(shown, x -> x.item = item)")
    fate = (
        F.when(F.col("fate").isNotNull(), F.col("fate"))
        .when(event & named & F.col("search_ts").isNull(), "dropped:unknown search")
        .when(event & named & (action != "impression") & ~on_list, "dropped:item not shown")
        .when(event & named & (F.col("ts") < F.col("search_ts")), "dropped:before its search")
        .otherwise(USED)
    )
    return frame.withColumn("fate", fate)


def _shown(listed: Column, evented: Column) -> Column:
    """What stood on the screen: the logged list, else the impression events; each item once, at its top place."""
    from pyspark.sql import functions as F

    distinct = F.array_distinct(F.filter(listed, lambda item: item.isNotNull()))
    from_list = F.transform(distinct, lambda item, place: F.struct((place + 1).alias("position"), item.alias("item")))
    items = F.array_distinct(F.transform(evented, lambda shown: shown["item"]))
    first = F.transform(items, lambda item: F.element_at(F.filter(evented, lambda shown: shown["item"] == item), 1))
    return F.when(listed.isNotNull(), from_list).otherwise(first)


def _capped_plays(plays: DataFrame, logs: Logs) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    kept = F.col("fate").isNull()
    same = (
        Window.partitionBy("user", "item", "day")
        .orderBy("ts", "key")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    number = F.sum(kept.cast("int")).over(same)
    over = number > logs.utility.max_plays_per_user_item_day
    return plays.withColumn(
        "fate", F.when(~kept, F.col("fate")).when(over, "dropped:more plays than a listener's").otherwise(USED)
    )
