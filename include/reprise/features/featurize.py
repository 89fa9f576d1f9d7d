"""`featurize`: judgments, Solr's own features and behaviour become the training set of one run.

A query whose block saw nothing consumed is not asked: no metric counts it and no order can be learned from it.
Train blocks hold the judged items that the query still retrieves, and a sample of retrieved items nobody was shown,
as weak negatives; validation and test blocks hold everything a ranker would rerank, the engine's whole top N.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from reprise import tables
from reprise.errors import MissingDataError
from reprise.features.behaviour import item_stats, write_day
from reprise.features.catalogue import (
    behaviour_features,
    behaviour_field,
    columns,
    names,
    request_parameters,
    solr_entries,
)
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from reprise.features.match import Wanted
    from reprise.plan import Plan

logger = logging.getLogger(__name__)
#: Of the training set: a file is read whole.
ROWS_PER_FILE = 500_000
#: The θ variant whose judgments are learned from.
LEARNED = "measured"


def run(plan: Plan) -> Verdict:
    """Publish ``behaviour`` as of the run's newest day and ``training_set``; return at once where that is done.

    Always yes. Facts: feature names, behaviour fields, entry key → column, and by role how much of what was
    consumed the engine still retrieves.
    """
    if done := finished(plan):
        return done
    from reprise.features import skew
    from reprise.features.rows import block_rows, reached, summary
    from reprise.spark import session, size_shuffles, write_table

    lake, spark = plan.open_lake(), session("featurize")
    size_shuffles(spark, sum(m.rows for m in lake.manifests("judgments", plan.judgments_version, [plan.partition])))
    solr, live = plan.deployment.solr, plan.open_lake().get_json(f"runs/{plan.run}/champion.json") or {}
    champion = list(live.get("features") or [])
    write_day(spark, plan)
    wanted = _wanted(plan, live)
    extra = [name for name in columns(solr, champion).values() if name not in names(solr)]
    asked, answers, judged, requests = _asked_and_answered(spark, plan, wanted)
    facts: dict[str, Any] = {
        "features": names(solr),
        "behaviour_fields": [behaviour_field(feature) for feature in behaviour_features(solr)],
        "columns": columns(solr, champion),
        "requests": requests,
        **reached(asked, answers, judged),
        **_zero_results(spark, plan),
    }
    rows = block_rows(asked, answers, judged, _behaviour(spark, plan), plan, [*names(solr), *extra])
    schema = tables.training_set([*names(solr), *extra])
    inputs = {
        table: _attempt(plan, table, plan.judgments_version, plan.partition) for table in ("judgments", "query_groups")
    }
    if solr.live_vectors:
        met = skew.write(spark, plan, rows, solr.live_vectors)
        logger.info("skew: %s, %s", met.answer, met.reason)
        facts["skew"] = met.facts
    rows = rows.cache()
    facts |= summary(rows)
    files = -(-sum(facts["rows"].values()) // ROWS_PER_FILE) or 1
    manifest = write_table(
        lake, "training_set", plan.training_version, plan.partition, rows, schema, inputs, facts, files=files
    )
    if not manifest.rows:
        raise MissingDataError(
            f"the training set of run {plan.run} would be empty: Solr retrieves none of the items that were judged",
            "check that solr.yaml's request and id_field are the application's, and that the core holds the catalogue",
        )
    logger.info("training set: %d rows; %s", manifest.rows, facts)
    return Verdict("yes", f"{manifest.rows:,} rows", facts={"training_set": manifest.rows, **facts})


def finished(plan: Plan) -> Verdict | None:
    """Return the answer where the run's training set is published, else None."""
    done = plan.open_lake().published("training_set", plan.training_version, plan.partition)
    return Verdict("yes", "already published", facts={"training_set": done.rows, **done.facts}) if done else None


def _wanted(plan: Plan, live: dict[str, Any]) -> Wanted:
    """Return what Solr is to log: the catalogue's features that it computes, and the live release's."""
    from reprise.features.match import Wanted

    solr = plan.deployment.solr
    entries = solr_entries(solr, list(live.get("features") or []))
    known = (live.get("release") or {}).get("parameters") or {}
    return Wanted(solr, entries, request_parameters(solr, entries, known))


def _asked_and_answered(
    spark: SparkSession, plan: Plan, wanted: Wanted
) -> tuple[DataFrame, DataFrame, DataFrame, dict[str, int]]:
    """Return the (block, query group) asked for, what Solr answered, the judgments, and the count of requests."""
    from pyspark.sql import functions as f

    from reprise.features.buckets import retrieved
    from reprise.features.rows import to_ask

    lake, version = plan.open_lake(), plan.judgments_version
    judged = spark.read.parquet(*lake.files("judgments", version, [plan.partition]))
    judged = judged.where(f.col("theta_variant") == LEARNED)
    groups = spark.read.parquet(*lake.files("query_groups", version, [plan.partition]))
    blocks = spark.createDataFrame(
        [(block.name, block.role, block.end) for block in plan.blocks], "block string, role string, end bigint"
    )
    asked = to_ask(groups.join(f.broadcast(blocks), "block"), judged, wanted).cache()
    answers, requests = retrieved(spark, plan, asked, _urls(plan), wanted)
    return asked, answers.cache(), judged.cache(), requests


def _urls(plan: Plan) -> list[str]:
    from reprise.connections import connection

    if plan.solr_urls:
        return plan.solr_urls
    found = connection("solr")
    return list(found.extra.get("urls") or [found.uri])


def _behaviour(spark: SparkSession, plan: Plan) -> DataFrame | None:
    """Return block, item and the behaviour features as they stood before each block."""
    from functools import reduce

    from pyspark.sql import functions as f

    from reprise.features.measures import values_before

    solr = plan.deployment.solr
    features = [(feature.name, feature) for feature in behaviour_features(solr)]
    if not features:
        return None
    stats = item_stats(spark, plan).cache()
    frames = [
        values_before(stats, plan.days, block, solr.behaviour_lag_days, features).withColumn("block", f.lit(block.name))
        for block in plan.blocks
    ]
    return reduce(lambda left, right: left.unionByName(right), frames)


def _zero_results(spark: SparkSession, plan: Plan) -> dict[str, Any]:
    """Return the share of the test block's searches whose query was shown no item at all, and the heaviest of them.

    Queries of too few listeners are counted, never named.
    """
    from pyspark.sql import functions as f

    lake, version, block = plan.open_lake(), plan.judgments_version, plan.block("test")[0].name
    groups = spark.read.parquet(*lake.files("query_groups", version, [plan.partition])).where(f.col("block") == block)
    judged = spark.read.parquet(*lake.files("judgments", version, [plan.partition])).where(f.col("block") == block)
    empty = groups.join(judged.select("query_group").distinct(), "query_group", "left_anti")
    total = groups.agg(f.sum("searches")).first()
    shown = empty.where(f.col("users") >= plan.deployment.logs.privacy.min_users_per_query)
    failing = shown.orderBy(f.desc("searches"), "query").select("query", "searches").limit(10).collect()
    lost = empty.agg(f.coalesce(f.sum("searches"), f.lit(0))).first()
    searches = (total[0] if total else 0) or 0
    return {
        "zero_result_share": (lost[0] if lost else 0) / searches if searches else 0.0,
        "top_failing_queries": [[row["query"], row["searches"]] for row in failing],
    }


def _attempt(plan: Plan, table: str, version: str, partition: str) -> str:
    manifest = plan.open_lake().published(table, version, partition)
    return manifest.attempt if manifest else ""
