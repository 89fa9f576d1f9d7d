"""Which queries are asked, which items become rows, and what each row weighs: Spark frames, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reprise.features.catalogue import behaviour_features
from reprise.features.match import REQUEST, Wanted
from reprise.settings import digest_of
from reprise.spark import fingerprint_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from reprise.plan import Plan
    from reprise.settings import Solr

#: Code points; what is longer was pasted, not typed, and beyond 1,024 words Solr's parsers fail.
LONGEST_TEXT = 1000
_SEED = 11  # of the samples by hash: the same run, the same rows


def to_ask(groups: DataFrame, judged: DataFrame, wanted: Wanted) -> DataFrame:
    """Return the query groups with something consumed in their block; of train blocks, the heaviest by traffic.

    ``groups`` is query_groups with each block's ``role`` and ``end``; no cap is laid on validation and test blocks.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    consumed = judged.where(f.col("utility_sum") > 0).select("block", "query_group").distinct()
    asked = groups.where(f.length("query") <= LONGEST_TEXT).join(consumed, ["block", "query_group"])
    # What no feature reads is blank, so that a query of several blocks is one request.
    language = f.coalesce("language", f.lit("")) if wanted.has_language else f.lit("")
    now = f.col("end").cast("string") if wanted.has_moment else f.lit("")
    heaviest = Window.partitionBy("role").orderBy(f.desc("searches"), "block", "query_group")
    return (
        asked.withColumn("place", f.row_number().over(heaviest))
        .where((f.col("role") != "train") | (f.col("place") <= wanted.solr.max_train_queries))
        .withColumns({"language": language, "now": now})
        .select("block", "role", "query_group", *REQUEST, f.col("searches").alias("traffic"))
    )


def reached(asked: DataFrame, answers: DataFrame, judged: DataFrame) -> dict[str, Any]:
    """Return by role: queries, share of judged pairs not retrieved, share of consumption retrieved, share judged."""
    from pyspark.sql import functions as f

    pairs = asked.join(answers.select(*REQUEST, "item", "engine_rank"), [*REQUEST])
    both = pairs.drop(*REQUEST, "traffic").join(
        judged.select("block", "query_group", "item", "utility_sum").join(
            f.broadcast(asked.select("block", "role", "query_group")), ["block", "query_group"]
        ),
        ["block", "role", "query_group", "item"],
        "full",
    )
    is_judged, is_retrieved = f.col("utility_sum").isNotNull(), f.col("engine_rank").isNotNull()

    def count(condition: Column) -> Column:
        return f.sum(condition.cast("bigint"))

    found = both.groupBy("role").agg(
        f.countDistinct("block", "query_group").alias("queries"),
        f.try_divide(count(is_judged & ~is_retrieved), count(is_judged)).alias("unreachable_share"),
        f.try_divide(f.sum(f.when(is_retrieved, f.col("utility_sum"))), f.sum("utility_sum")).alias("recall"),
        f.try_divide(count(is_judged & is_retrieved), count(is_retrieved)).alias("judged_share"),
    )
    roles = {row["role"]: row for row in found.collect()}
    measures = ("queries", "unreachable_share", "recall", "judged_share")
    return {name: {role: row[name] or 0 for role, row in sorted(roles.items())} for name in measures}


def summary(rows: DataFrame) -> dict[str, Any]:
    """Return by role: rows, judged rows, rows with a grade above 0, mean g and total weight; and a content digest.

    The digest is the same for the same rows in any order and files: what MLflow calls the dataset's.
    """
    from pyspark.sql import functions as f

    found = rows.groupBy("role").agg(
        f.count("*").alias("rows"),
        f.sum(f.col("judged").cast("bigint")).alias("judged_rows"),
        f.sum((f.col("grade") > 0).cast("bigint")).alias("graded_rows"),
        f.avg("g").alias("mean_g"),
        f.sum("weight").alias("weight"),
    )
    roles = {row["role"]: row for row in found.collect()}
    measures = ("rows", "judged_rows", "graded_rows", "mean_g", "weight")
    facts: dict[str, Any] = {name: {role: row[name] for role, row in sorted(roles.items())} for name in measures}
    return {**facts, "digest": digest_of(fingerprint_of(rows), 32)}


def block_rows(
    asked: DataFrame,
    answers: DataFrame,
    judged: DataFrame,
    behaviour: DataFrame | None,
    plan: Plan,
    columns: list[str],
) -> DataFrame:
    """Return the rows of ``training_set``.

    The weight of a judged row is the share of its judgment that is evidence and not prior, Σθ / (Σθ + m); that of a
    sampled unshown row is ``unshown_weight``, its grade 0 and its g unknown.
    """
    from pyspark.sql import functions as f

    solr, m = plan.deployment.solr, float(plan.deployment.gate.judging.prior_weight)
    labels = judged.select("block", "query_group", "item", "g", "grade", "examination_sum")
    rows = asked.join(answers, [*REQUEST]).join(labels, ["block", "query_group", "item"], "left")
    rows = _sampled(rows.withColumn("judged", f.col("g").isNotNull()), solr.unshown_per_query)
    if behaviour is not None:
        rows = _masked(rows.join(behaviour, ["block", "item"], "left"), solr)
    unknown = {feature.name: feature.default for feature in solr.features}
    evidence = f.try_divide(f.col("examination_sum"), f.col("examination_sum") + m)
    return rows.select(
        "block", "role", "query_group", "query", "item",
        f.col("engine_rank").cast("bigint").alias("engine_rank"),
        "judged", "g",
        f.coalesce("grade", f.lit(0)).cast("bigint").alias("grade"),
        f.when(f.col("judged"), evidence).otherwise(f.lit(float(solr.unshown_weight))).alias("weight"),
        f.col("traffic").cast("bigint").alias("traffic"),
        *(f.coalesce(f.col(name), f.lit(unknown.get(name, 0.0))).cast("float").alias(name) for name in columns),
    ).repartition("block", "query_group").sortWithinPartitions("block", "query_group", "engine_rank")  # fmt: skip


def _sampled(rows: DataFrame, unshown_per_query: int) -> DataFrame:
    """Return all judged rows, all of validation and test, and of train's unjudged the first few by hash."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    by_hash = Window.partitionBy("block", "query_group", "judged").orderBy(
        f.xxhash64("query_group", "item", f.lit(_SEED)), "item"
    )
    place = f.row_number().over(by_hash)
    keep = f.col("judged") | (f.col("role") != "train") | (f.col("place") <= unshown_per_query)
    return rows.withColumn("place", place).where(keep).drop("place")


def _masked(rows: DataFrame, solr: Solr) -> DataFrame:
    """Return the rows with behaviour unknown for a share of train blocks' items, as Solr answers for a new item.

    Otherwise every item in training has a history, and a new one would read as the worst of them.
    """
    from pyspark.sql import functions as f

    drawn = f.pmod(f.xxhash64("block", "item", f.lit(_SEED)), f.lit(10_000)) < int(solr.behaviour_mask_share * 10_000)
    hidden = (f.col("role") == "train") & drawn
    names = [feature.name for feature in behaviour_features(solr)]
    return rows.withColumns({name: f.when(~hidden, f.col(name)) for name in names})
