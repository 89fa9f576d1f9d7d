"""Skew: what the live engine logged at serving time, beside what training replayed for the same query and item.

The application logs a few of its searches with ``[features store=…]`` in ``fl``: JSON lines (or Parquet) with ``time``
(ISO, UTC where it names no zone), ``query`` as typed, ``item``, ``store``, and ``features`` as Solr gives them,
``name=value,name=value``. They are compared with the test block's rows of the training set. A behaviour feature is
compared with its value as of the last day that serving knew when it was logged, which `publish_features` had written.
Features that read the time or the listener's language are left out: a replay has neither of that moment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reprise.errors import MissingDataError
from reprise.features.catalogue import Entry, behaviour_features, columns, entry_key, solr_entries
from reprise.features.match import logging_store_name
from reprise.features.measures import last_day, values
from reprise.searches.addresses import template
from reprise.searches.cells import hadoop_path
from reprise.searches.text import normalise
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from reprise.plan import Plan

#: A live record's columns, all text.
RECORD = ("time", "query", "item", "store", "features")
#: Pairs that are compared, a sample by hash: a share is no surer with more.
SAMPLE = 200_000
_PAIR = ("query", "item", "day")
_LOG = "have the application log them, as docs/adopt.md says, or correct the address"
_RTOL, _ATOL = 1e-5, 1e-7  # as `verify` tells training from Solr
_QUANTILES = (0.5, 0.95)


@dataclass(frozen=True)
class Skew:
    """How live values of a feature differ from replayed ones, over ``pairs`` of (search, item).

    ``differing_share``: by more than 1e-5 of the value; ``bits_share``: in any bit of the float32. ``relative_p50`` and
    ``relative_p95``: quantiles of the difference beside the larger of the two.
    """

    pairs: int
    differing_share: float
    bits_share: float
    max_abs: float
    relative_p50: float
    relative_p95: float


def compare(live: NDArray[np.float32], replayed: NDArray[np.float32]) -> Skew:
    """Return the skew of one feature; 0.0 and -0.0 are one value."""
    ours, theirs = replayed.astype(np.float64), live.astype(np.float64)
    apart = np.abs(ours - theirs)
    largest = np.maximum(np.abs(ours), np.abs(theirs))
    relative = np.divide(apart, largest, out=np.zeros_like(apart), where=largest > 0)
    p50, p95 = np.quantile(relative, _QUANTILES)
    return Skew(
        len(live),
        float(np.mean(~np.isclose(ours, theirs, rtol=_RTOL, atol=_ATOL))),
        float(np.mean(live != replayed)),
        float(apart.max()),
        float(p50),
        float(p95),
    )


def write(spark: SparkSession, plan: Plan, replayed: DataFrame, uris: Sequence[str]) -> Verdict:
    """Write ``runs/<run>/features/skew.json``, feature → its skew, and say whether all are within the policy.

    ``replayed`` are rows of the training set. Cannot tell where no live record meets one of the test block's.
    """
    limit = plan.deployment.gate.policy.max_skew_share
    try:
        found, facts = measure(spark, plan, replayed, uris)
    except MissingDataError as error:
        return Verdict("cannot tell", error.problem, error.remedy)
    content = json.dumps({name: asdict(one) for name, one in found.items()}, indent=1, sort_keys=True)
    plan.open_lake().store.put(f"runs/{plan.run}/features/skew.json", content.encode())
    if not found:
        remedy = "log them with the live release's store, in the test block's days"
        return Verdict("cannot tell", f"no live vector meets a replayed one: {facts}", remedy, {**facts})
    worst = max(found, key=lambda name: (found[name].differing_share, name))
    share = found[worst].differing_share
    reason = f"{worst} differs in {share:.1%} of {found[worst].pairs:,} pairs (at most {limit:.1%})"
    return Verdict("yes" if share <= limit else "no", reason, facts={**facts, "worst": worst})


def of_plan(plan: Plan, uris: Sequence[str]) -> Verdict:
    """Compare live vectors with the training set that a plan's `featurize` published; see ``write``."""
    from reprise.spark import session

    spark = session("skew")
    files = plan.open_lake().files("training_set", plan.training_version, [plan.partition])
    return write(spark, plan, spark.read.parquet(*files), uris)


def measure(
    spark: SparkSession, plan: Plan, replayed: DataFrame, uris: Sequence[str]
) -> tuple[dict[str, Skew], dict[str, int]]:
    """Return feature (its column of the training set) → skew; and how many live records there are, and were of use.

    Of several records of one search, item and day the first by time counts.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    stores = _stores(plan)
    live = _records(spark, plan, uris).cache()
    known = live.where(f.col("store").isin(list(stores)))
    first = f.row_number().over(Window.partitionBy(*_PAIR).orderBy("time", "features"))
    wanted = [name for name in dict.fromkeys(c for names in stores.values() for c in names.values())]
    ours = _as_served(spark, plan, replayed, [name for name in wanted if name in replayed.columns])
    pairs = known.withColumn("place", first).where("place = 1").join(ours, [*_PAIR])
    sampled = pairs.orderBy(f.xxhash64(*_PAIR)).limit(SAMPLE).toPandas()
    facts = {"records": live.count(), "of_another_store": live.count() - known.count(), "compared": len(sampled)}
    live.unpersist()
    logged = [_parsed(text, stores[store]) for text, store in zip(sampled["features"], sampled["store"], strict=True)]
    found: dict[str, Skew] = {}
    for column in (name for name in wanted if name in sampled.columns):
        values = np.array([row.get(column, np.nan) for row in logged], np.float32)
        there = ~np.isnan(values)
        if there.any():
            found[column] = compare(values[there], sampled[column].to_numpy(np.float32)[there])
    return found, facts


def _stores(plan: Plan) -> dict[str, dict[str, str]]:
    """Return store → name of a feature in it → column of the training set, of the two stores that are comparable.

    These are the live release's and the one that training logs from.
    """
    solr = plan.deployment.solr
    champion: list[Entry] = (plan.open_lake().get_json(f"runs/{plan.run}/champion.json") or {}).get("features") or []
    named, entries = columns(solr, champion), solr_entries(solr, champion)
    # A behaviour field that the catalogue no longer has is replayed with today's value: that is no skew.
    gone = {f"live_{e['name']}" for e in champion if str((e.get("params") or {}).get("field")).startswith("beh_")}
    live = {
        str(e["name"]): named[entry_key(e)]
        for e in champion
        if entry_key(e) in named and _replayable(e) and named[entry_key(e)] not in gone
    }
    asked = {str(e["name"]): str(e["name"]) for e in entries if _replayable(e) and e["name"] not in gone}
    return {logging_store_name(entries): asked, **({str(plan.champion["store"]): live} if live else {})}


def _replayable(entry: Entry) -> bool:
    """Whether a replay can have the value of the moment: not where the time or the listener's language is read."""
    said = json.dumps(entry.get("params") or {})
    return "NOW" not in said and "${language" not in said


def _records(spark: SparkSession, plan: Plan, uris: Sequence[str]) -> DataFrame:
    """Return the live records of the test block's days: ``RECORD``, ``query`` normalised, and the ``day``."""
    from pyspark.sql import functions as f

    days = {day for block in plan.block("test") for day in block.days}
    files = sorted({a for uri in uris for a, _ in template(uri).listed() if template(uri).day(a) in {"", *days}})
    if not files:
        raise MissingDataError(f"there are no live vectors of {min(days)} to {max(days)} at {', '.join(uris)}", _LOG)
    paths = [hadoop_path(file) for file in files]
    reader = spark.read.schema(", ".join(f"{name} string" for name in RECORD))
    frame = reader.parquet(*paths) if files[0].endswith(".parquet") else reader.json(paths)
    day = f.date_format(f.to_timestamp("time"), "yyyy-MM-dd")
    same = f.udf(normalise, "string")
    frame = frame.dropna().withColumns({"day": day, "query": same("query")})
    return frame.where(f.col("day").isin(sorted(days)))


def _as_served(spark: SparkSession, plan: Plan, replayed: DataFrame, names: list[str]) -> DataFrame:
    """Return query, item, day and the columns: Solr's as replayed, behaviour as serving knew it on that day."""
    from functools import reduce

    from pyspark.sql import functions as f

    from reprise.features.behaviour import item_stats

    solr = plan.deployment.solr
    moving = [(feature.name, feature) for feature in behaviour_features(solr) if feature.name in names]
    still = [name for name in names if name not in dict(moving)]
    rows = replayed.where(f.col("role") == "test").select("query", "item", *still).dropDuplicates(["query", "item"])
    days = [day for block in plan.block("test") for day in block.days]
    rows = rows.crossJoin(f.broadcast(spark.createDataFrame([(day,) for day in days], "day string")))
    if not moving:
        return rows
    stats = item_stats(spark, plan)
    known = [
        values(stats, plan.days, last_day(day, solr.behaviour_lag_days), moving).withColumn("day", f.lit(day))
        for day in days
    ]
    served = reduce(lambda left, right: left.unionByName(right), known)
    return rows.join(served, ["item", "day"], "left").fillna(0.0, [name for name, _ in moving])


def _parsed(text: str, names: Mapping[str, str]) -> dict[str, float]:
    """Return column → value of what Solr logged; what is no number or of no known name is left out."""
    found = {}
    for pair in text.split(","):
        name, _, value = pair.rpartition("=")
        if name in names:
            try:
                found[names[name]] = float(value)
            except ValueError:
                continue
    return found
