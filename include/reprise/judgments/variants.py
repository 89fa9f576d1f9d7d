"""Which spellings are one query: those of one fold key that are answered with much the same items.

A fold key alone would pool what only looks alike: where two artists are called *Beyonce* and *Béyoncé*, the spellings
find different people, and their judgments are not each other's. So a spelling joins the most searched one of its key
only where enough of their most shown items are the same; else it is a query by itself. What was decided, and from what,
is the table ``query_variants``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.judgments.fold import fold

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from reprise.settings.gate import Judging

#: Before a spelling that is a query by itself. Fold keys hold neither this nor spaces.
APART = "= "


def variants(items: DataFrame, queries: DataFrame, settings: Judging) -> DataFrame:
    """Return `query_variants`: every spelling of a fold key that has several, with its group and how alike it is.

    ``items`` and ``queries`` are query_item_stats and query_stats of the whole window. A spelling that was never
    answered says nothing against its key.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    keyed = with_fold(queries.groupBy("q").agg(f.sum("searches").alias("searches")))
    several = keyed.withColumn("spellings", f.count("*").over(Window.partitionBy("fold_key"))).where("spellings > 1")
    shown = (
        items.where(f.col("impressions") > 0)
        .join(several.select("q"), "q", "left_semi")
        .groupBy("q", "item")
        .agg(f.sum("impressions").alias("n"))
    )
    most = Window.partitionBy("q").orderBy(f.desc("n"), "item")
    answered = (
        shown.withColumn("place", f.row_number().over(most))
        .where(f.col("place") <= settings.top_results)
        .groupBy("q")
        .agg(f.collect_set("item").alias("top"))
    )
    both = several.join(answered, "q", "left")
    # The first with an answer: by traffic, then by the alphabet.
    first = Window.partitionBy("fold_key").orderBy(f.col("top").isNull(), f.desc("searches"), "q")
    whole = first.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    compared = both.withColumn("model", f.first("q").over(whole)).withColumn("its", f.first("top").over(whole))
    overlap = f.size(f.array_intersect("top", "its")) / f.least(f.size("top"), f.size("its"))
    pooled = f.coalesce(f.col("overlap") >= settings.min_overlap, f.lit(True))
    return (
        compared.withColumn("overlap", f.when(f.col("top").isNotNull(), overlap))
        .withColumn("pooled", pooled)
        .select(
            "q",
            f.when(f.col("pooled"), f.col("fold_key")).otherwise(f.concat(f.lit(APART), "q")).alias("query_group"),
            f.col("model").alias("compared_with"),
            "overlap",
            "pooled",
            "searches",
        )
    )


def with_group(frame: DataFrame, decided: DataFrame) -> DataFrame:
    """Return the frame with each q's query group; ``decided`` is `query_variants`."""
    from pyspark.sql import functions as f

    apart = decided.where(~f.col("pooled")).select("q", f.col("query_group").alias("apart"))
    joined = with_fold(frame).join(f.broadcast(apart), "q", "left")
    return joined.withColumn("query_group", f.coalesce("apart", "fold_key")).drop("apart", "fold_key")


def with_fold(frame: DataFrame) -> DataFrame:
    """Return the frame with each q's fold key."""
    from pyspark.sql.functions import pandas_udf  # type: ignore[attr-defined]

    @pandas_udf("string")  # type: ignore[call-overload]
    def to_key(queries):  # type: ignore[no-untyped-def]
        return queries.map({q: fold(q) for q in queries.unique()})

    return frame.withColumn("fold_key", to_key("q"))
