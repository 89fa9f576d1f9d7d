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
#: No hash of a listener begins so.
_NOBODY, _NOBODIES = "?", 9973


@dataclass(frozen=True)
class Fates:
    """Records in use, by kind, and those that fell out, all with their fate."""

    searches: DataFrame  # search records and events; events carry their search's time and results
    plays: DataFrame
    fallen: DataFrame


def by_user(records: DataFrame, partitions: int) -> DataFrame:
    """Return the records divided by listener; those without one, all of them fallen, are spread like others."""
    from pyspark.sql import functions as F

    nobody = F.concat(F.lit(_NOBODY), F.pmod("digest", F.lit(_NOBODIES)).cast("string"))
    return records.withColumn("user", F.coalesce("user", nobody)).repartition(partitions, "user")


def marked_days(records: DataFrame, logs: Logs) -> DataFrame:
    """Return (user, day, mark): the days of a listener that are left out whole, and why.

    ``opted out`` where any record said so; ``extreme user`` beyond ``max_searches_per_user_day`` requests.
    """
    from pyspark.sql import functions as F

    asked = F.when((F.col("kind") == "search") & F.col("fate").isNull() & ~F.col("opted_out"), F.col("key"))
    days = records.filter(~F.col("user").startswith(_NOBODY)).groupBy("user", "day")
    summed = days.agg(F.max("opted_out").alias("opted_out"), F.countDistinct(asked).alias("asked"))
    extreme = F.col("asked") > logs.utility.max_searches_per_user_day
    mark = F.when(F.col("opted_out"), "dropped:opted out").when(extreme, "dropped:extreme user")
    return summed.select("user", "day", mark.alias("mark")).filter("mark IS NOT NULL")


def assign(records: DataFrame, marks: DataFrame, logs: Logs) -> Fates:
    """Return every record with a fate: duplicates, marked days and what cannot be attributed dropped."""
    from pyspark.sql import functions as F

    readable = records.filter(F.col("fate").isNull()).drop("raw")
    fallen = records.filter(F.col("fate").isNotNull()).join(marks, ["user", "day"], "left")
    # A reject keeps its text, so that of a listener who opted out is none.
    hidden = F.col("mark") == "dropped:opted out"
    fallen = fallen.withColumn("fate", F.when(hidden, F.col("mark")).otherwise(F.col("fate"))).drop("mark")
    searches = _marked(_duplicates(readable.filter(F.col("kind") != "play")), marks)
    plays = _marked(_duplicates(readable.filter(F.col("kind") == "play")), marks)
    return Fates(_events(searches), _capped_plays(plays, logs), fallen)


def counts(fates: Fates) -> DataFrame:
    """Return (dt, source, fate, records, late) of every record, whatever became of it."""
    from pyspark.sql import functions as F

    parts = [
        frame.select("file_day", "source", "fate", "late") for frame in (fates.searches, fates.plays, fates.fallen)
    ]
    everything = parts[0].unionByName(parts[1]).unionByName(parts[2])
    counted = everything.groupBy(F.col("file_day").alias("dt"), "source", "fate")
    return counted.agg(F.count("*").alias("records"), F.sum(F.col("late").cast("long")).alias("late"))


def check_books(records_in: int, counted: int) -> None:
    """Ensure that every record read has exactly one fate."""
    if records_in != counted:
        raise RepriseError(
            f"the books do not balance: {records_in:,} records read, {counted:,} accounted for",
            "report this: a record was lost or counted twice",
        )


def _duplicates(frame: DataFrame) -> DataFrame:
    """Mark all but one record of a key; those equal to the one before, to the byte, are exact copies."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    same = Window.partitionBy("user", "kind", "key").orderBy("digest", "file_day", "source")
    before = F.lag("digest").over(same)
    exact = F.when(before == F.col("digest"), "dropped:duplicate").otherwise("dropped:duplicate id")
    return frame.withColumn("fate", F.when(before.isNotNull(), exact))


def _marked(frame: DataFrame, marks: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    joined = frame.join(marks, ["user", "day"], "left")
    opted_out = F.col("mark") == "dropped:opted out"
    fate = F.when(opted_out, F.col("mark")).otherwise(F.coalesce("fate", "mark"))
    return joined.withColumn("fate", fate).drop("mark")


def _events(frame: DataFrame) -> DataFrame:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    mine = Window.partitionBy("user", "search_id")
    kept, is_search = F.col("fate").isNull(), F.col("kind") == "search"
    in_time = (F.col("action") == "impression") & (F.col("ts") >= F.col("search_ts"))
    shown = F.when(kept & in_time, F.struct("position", "item"))
    # A set: every record of the search carries it, and a client may repeat its impressions without end.
    frame = (
        frame.withColumn("search_ts", F.max(F.when(kept & is_search, F.col("ts"))).over(mine))
        .withColumn("listed", F.first(F.when(kept & is_search, F.col("results")), ignorenulls=True).over(mine))
        .withColumn("evented", F.sort_array(F.collect_set(shown).over(mine)))
        .withColumn("shown", _shown("listed", "evented"))
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
    # From here on an event's list is its search's; carried along, lists are most of the bytes.
    shown = F.when(~event, F.col("shown"))
    return frame.withColumn("fate", fate).withColumn("shown", shown).drop("results")


def _shown(listed: str, evented: str) -> Column:
    """What stood on the screen: the logged list, else the impression events; each item once, at its top place."""
    from pyspark.sql import functions as F

    def first_of_each(items: str, place: str) -> Column:
        return F.expr(f"transform(array_distinct({items}), x -> struct({place} AS position, x AS item))")

    named = f"filter({listed}, x -> x IS NOT NULL)"  # a place may be left empty: those below it keep theirs
    from_list = first_of_each(named, f"int(array_position({listed}, x))")
    from_events = first_of_each(f"{evented}.item", f"filter({evented}, e -> e.item = x)[0].position")
    return F.when(F.col(listed).isNotNull(), from_list).otherwise(from_events)


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
