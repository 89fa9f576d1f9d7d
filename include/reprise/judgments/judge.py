"""`judge`: daily statistics become position bias, judgments and query groups of one run.

θ is learned from the days before the test block, and the test block's labels use it too: nothing of the test
leaks into training, and both halves of the comparison are read with the same eyes. Labels of a block come from
that block's days alone.
"""

from __future__ import annotations

import logging
from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any

from reprise import tables
from reprise.errors import MissingDataError
from reprise.judgments.fold import FOLD_VERSION
from reprise.judgments.harvest import Contrast
from reprise.judgments.propensity import Curve, by_em, curves, with_trust
from reprise.judgments.trust import Level
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from reprise.lake import Lake
    from reprise.plan import Plan

_EM_PAIRS = 20_000
logger = logging.getLogger(__name__)


def run(plan: Plan) -> Verdict:
    """Publish ``propensities``, ``query_variants``, ``query_groups`` and, last, ``judgments``, unless that is done.

    The answer is always yes; its reason says whether θ was measured, and if not, why.
    """
    if done := finished(plan):
        return done
    import pyarrow as pa

    from reprise.spark import session, size_shuffles

    lake = plan.open_lake()
    spark = session("judge")
    stats, stats_inputs, rows = _daily(spark, lake, plan, "query_item_stats")
    queries, query_inputs, _ = _daily(spark, lake, plan, "query_stats")
    size_shuffles(spark, rows)
    found, reason, no_trust = _measure(stats, plan)
    facts: dict[str, Any] = {"theta_measured": not reason, "theta_reason": reason, "fold": FOLD_VERSION}
    if plan.deployment.gate.theta.trust:
        facts |= {"trust": list(found[0].trust), "trust_reason": no_trust}
    if found[-1].variant == "em":
        facts["theta_em"] = list(found[-1].theta)
    few = pa.Table.from_pylist(_rows(found), tables.propensities)  # no job of Spark's is worth it
    lake.write("propensities", plan.judgments_version, plan.partition, few, stats_inputs, facts)
    decided = _variants(spark, stats, queries, plan, stats_inputs)
    _publish(plan, "query_groups", _groups(spark, queries, stats, decided, plan), query_inputs, facts)
    taught, pairs = _taught(spark, decided, plan)
    facts["expert_pairs"] = pairs
    judged = _judged(spark, stats, decided, taught, found, plan)
    rows = _publish(plan, "judgments", judged, stats_inputs, facts)
    measured = f"θ was not measured: {reason}; the assumed curve is used" if reason else "θ was measured"
    curve = {"theta": list(found[0].theta), "theta_pairs": list(found[0].pairs)}
    curve["theta_surfaces"] = [c.surface for c in found if c.surface]
    return Verdict("yes", measured, facts={"judgments": rows, **facts, **curve})


def finished(plan: Plan) -> Verdict | None:
    """Return the answer where the run's judgments are published, else None."""
    done = plan.open_lake().published("judgments", plan.judgments_version, plan.partition)
    return Verdict("yes", "already published", facts={"judgments": done.rows, **done.facts}) if done else None


def _daily(spark: SparkSession, lake: Lake, plan: Plan, table: str) -> tuple[DataFrame, dict[str, str], int]:
    """Return the window's rows of a daily table, the attempts they were read from, and how many they are."""
    from reprise.spark import read_table

    days = lake.manifests(table, plan.logs_version, [f"dt={day}" for day in plan.days])
    files = [lake.store.uri(key) for day in days for key in day.files_of(table)]
    rows = sum(day.rows_of(table) for day in days)
    return (
        read_table(spark, getattr(tables, table), files),
        {f"{table}/{day.partition}": day.attempt for day in days},
        rows,
    )


def _measure(stats: DataFrame, plan: Plan) -> tuple[list[Curve], str, str]:
    """Return the curves, and why neither θ nor trust could be measured if so, from the days before the test block.

    Where it was, the curve by EM is the last: no part of any decision, drawn beside the measured one.
    """
    from reprise.judgments.comparisons import contrasts, levels, most_shown, places

    positions, first_test_day = plan.deployment.solr.request.rows, plan.block("test")[0].first
    settings, no_trust = plan.deployment.gate.theta, ""
    learned = stats.where(stats.dt < first_test_day)
    compared = places(learned, positions).cache()
    found, reason = curves([Contrast(**row.asDict()) for row in contrasts(compared).collect()], settings, positions)
    if not reason and settings.trust:
        known = [Level(**row.asDict()) for row in levels(learned, positions).collect()]
        trusted, no_trust = with_trust(known, settings, positions)
        if trusted:  # a surface's own curve knows no trust
            found = [trusted, *(curve for curve in found[1:] if not curve.surface)]
    if not reason:
        cells = [tuple(row) for row in most_shown(compared, _EM_PAIRS).collect()]
        check = by_em(cells, positions, settings.clip)
        found += [check] if check else []
    compared.unpersist()
    logger.info("θ %s: %s", found[0].method, reason or no_trust or found[0].theta)
    return found, reason, no_trust


def _rows(found: list[Curve]) -> list[dict[str, Any]]:
    """Return the curves as rows of ``propensities``."""
    return [
        {
            "theta_variant": curve.variant,
            "surface": curve.surface,
            "position": k + 1,
            "theta": theta,
            "low": curve.low[k] if curve.low else None,
            "high": curve.high[k] if curve.high else None,
            "trust": curve.trust[k] if curve.trust else 0.0,
            "pairs": int(curve.pairs[k]),
            "method": curve.method,
        }
        for curve in found
        for k, theta in enumerate(curve.theta)
    ]


def _by_surface(found: list[Curve]) -> list[tuple[str, str, int, float, float]]:
    """Return (variant, surface, position, θ, trust); a surface with a measured curve has the other variants too."""
    of_all = [curve for curve in found if not curve.surface and curve.variant != "em"]
    own = [curve for curve in found if curve.surface]
    spread = [replace(curve, surface=mine.surface) for mine in own for curve in of_all if curve.variant != mine.variant]
    return [
        (curve.variant, curve.surface, position, theta, curve.trust[position - 1] if curve.trust else 0.0)
        for curve in (*of_all, *own, *spread)
        for position, theta in enumerate(curve.theta, start=1)
    ]


def _variants(
    spark: SparkSession, stats: DataFrame, queries: DataFrame, plan: Plan, inputs: dict[str, str]
) -> DataFrame:
    """Publish which spellings are one query, and return it as published."""
    from reprise.judgments.variants import variants
    from reprise.spark import read_table, write_table

    lake, name = plan.open_lake(), "query_variants"
    frame = variants(stats, queries, plan.deployment.gate.judging)
    schema = tables.query_variants
    write_table(lake, name, plan.judgments_version, plan.partition, frame, schema, inputs)
    return read_table(spark, schema, lake.files(name, plan.judgments_version, [plan.partition]))


def _taught(spark: SparkSession, decided: DataFrame, plan: Plan) -> tuple[DataFrame | None, int]:
    """Return what experts teach in the plan's blocks, and how many pairs; None where there is nothing."""
    from reprise.experts.merge import taught
    from reprise.experts.store import imported

    grades = imported(plan.open_lake())
    if not grades:
        return None, 0
    apart = {row.q: row.query_group for row in decided.where(~decided.pooled).collect()}
    rows = taught(grades, plan.blocks, apart, plan.deployment.gate.judging)
    if not rows:
        return None, 0
    kinds = "block string, query_group string, item string, looks double, utility double, squares double, graders long"
    found = spark.createDataFrame([astuple(row) for row in rows], kinds)
    return found, len({(row.query_group, row.item) for row in rows})


def _groups(spark: SparkSession, queries: DataFrame, stats: DataFrame, decided: DataFrame, plan: Plan) -> DataFrame:
    from reprise.judgments.frames import groups
    from reprise.searches.privacy import load_keys

    lake = plan.open_lake()
    # A listener has one hash per key: across a change of keys, one would count as two.
    keys = load_keys(lake)
    hashed = [(day, next((key.first for key in keys if key.covers(day)), "")) for day in plan.days]
    periods = spark.createDataFrame(hashed, "dt string, period string")
    return groups(queries, stats, _block_days(spark, plan), decided, periods)


def _judged(
    spark: SparkSession,
    stats: DataFrame,
    decided: DataFrame,
    taught: DataFrame | None,
    found: list[Curve],
    plan: Plan,
) -> DataFrame:
    from reprise.judgments.frames import judged

    gate, positions = plan.deployment.gate, plan.deployment.solr.request.rows
    looks = _by_surface(found)
    theta = spark.createDataFrame(
        looks, "theta_variant string, surface string, position long, theta double, trust double"
    )
    own = [curve.surface for curve in found if curve.surface]
    days = _block_days(spark, plan).drop("first")
    variants = sorted({variant for variant, *_ in looks})
    return judged(stats, days, decided, taught, theta, variants, own, gate.judging, positions)


def _block_days(spark: SparkSession, plan: Plan) -> DataFrame:
    rows = [(day, block.name, block.first) for block in plan.blocks for day in block.days]
    return spark.createDataFrame(rows, "dt string, block string, first string")


def _publish(plan: Plan, table: str, frame: DataFrame, inputs: dict[str, str], facts: dict[str, object]) -> int:
    """Write one table of the run, publish it, and return its rows; an empty one is an error."""
    from reprise.spark import write_table

    manifest = write_table(
        plan.open_lake(), table, plan.judgments_version, plan.partition, frame, getattr(tables, table), inputs, facts
    )
    if not manifest.rows:
        raise MissingDataError(
            f"{table} of run {plan.run} would be empty: the blocks {plan.blocks[0].first} to {plan.blocks[-1].last} "
            "hold no search with an answer",
            "check the window, and the day counts in log_counts",
        )
    return manifest.rows
