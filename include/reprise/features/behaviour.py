"""The lake's ``behaviour``: what Solr is to serve of each item, as of a day. `behaviour` is the stage that writes it.

A retrain writes its newest day for the catalogue's fields; a publish writes the day asked for, of the fields that live,
previous and staged releases read. Both by the same formulas from the same daily statistics.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta
from typing import TYPE_CHECKING

from reprise import tables
from reprise.features.publish import behaviour_version, keep_definitions, serving_fields
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from reprise.plan import Plan

logger = logging.getLogger(__name__)


def run(plan: Plan) -> Verdict:
    """Publish ``behaviour`` of the plan's newest day; return at once where that is done. Always yes."""
    if done := finished(plan):
        return done
    from reprise.spark import session

    write_day(session("behaviour"), plan)
    return finished(plan) or Verdict("yes", "no field is computed from behaviour", facts={"items": 0})


def finished(plan: Plan) -> Verdict | None:
    """Return the answer where the day is published, else None."""
    done = plan.open_lake().published("behaviour", behaviour_version(plan), f"dt={plan.as_of}")
    return Verdict("yes", f"{done.rows:,} items as of {plan.as_of}", facts={"items": done.rows}) if done else None


def write_day(spark: SparkSession, plan: Plan) -> None:
    """Ensure the lake holds ``behaviour`` as of the plan's newest day, and the definitions of its fields."""
    from reprise.features.measures import values
    from reprise.spark import write_table

    fields = list(serving_fields(plan).items())
    if not fields:
        return
    keep_definitions(plan)
    if finished(plan):
        return
    # A plan may hold more days than a window has; those before it say nothing of this day.
    longest = max(feature.days for _, feature in fields)
    first = (date.fromisoformat(plan.as_of) - timedelta(days=longest - 1)).isoformat()
    days = [day for day in plan.days if day >= first]
    frame = values(item_stats(spark, plan, days), plan.days, plan.as_of, fields)
    schema = tables.behaviour([name for name, _ in fields])
    write_table(plan.open_lake(), "behaviour", behaviour_version(plan), f"dt={plan.as_of}", frame, schema)


def item_stats(spark: SparkSession, plan: Plan, days: list[str] | None = None) -> DataFrame:
    """Return ``item_stats`` of the plan's days, or of some of them."""
    from reprise.spark import read_table

    partitions = [f"dt={day}" for day in (plan.days if days is None else days)]
    files = plan.open_lake().files("item_stats", plan.logs_version, partitions)
    return read_table(spark, tables.item_stats, files)
