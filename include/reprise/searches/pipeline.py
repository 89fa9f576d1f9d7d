"""The one Spark job behind `extract`, from raw files to the seven tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING

from reprise.errors import MissingDataError
from reprise.searches import attribution, fates, journeys, mapping, statistics
from reprise.searches.calendar import RawFile, shift
from reprise.settings import Deployment, Logs
from reprise.spark import session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@dataclass
class Frames:
    """The job's intermediate frames; ``tables`` are lazy, ``release`` lets go of what was kept in memory."""

    logs: Logs
    days: list[str]
    first_day: str
    records: int
    fates: fates.Fates
    plays: DataFrame
    times: DataFrame
    items: DataFrame
    kept: list[DataFrame] = field(default_factory=list)

    def tables(self) -> dict[str, DataFrame]:
        """Return every table, for the days asked for."""
        from pyspark.sql import functions as F

        credited = attribution.credited(self.times)
        outcome = attribution.journey_outcomes(self.items)
        impressions = self.items.withColumn("prefix_weight", F.lit(1.0)).unionByName(
            attribution.prefix_outcomes(self.times, outcome, self.logs), allowMissingColumns=True
        )
        impressions = self._ours(impressions).persist()
        self.kept.append(impressions)
        frames = {
            "rejects": self._rejects(),
            "log_counts": self._dated(fates.counts(self.fates)),
            "impressions": impressions,
            "searches": self._searches(),
            "query_item_stats": statistics.query_item_stats(impressions, self.logs),
            "item_stats": statistics.item_stats(self.plays, self.times, credited, self.fates.searches, impressions),
            "journey_stats": statistics.journey_stats(self.times, credited, outcome, self.logs),
        }
        return {name: self._ours(frame) for name, frame in frames.items()}

    def release(self) -> None:
        """Let go of every frame kept in memory."""
        for frame in self.kept:
            frame.unpersist()

    def _searches(self) -> DataFrame:
        found = self.times.filter("row = 'search'")
        return found.select("dt", "journey_id", "user", "ts", "reformulated", "s.search_id", *[
            f"s.{name}" for name in ("query", "q", "surface", "scope", "language", "ranker", "swapped", "keystrokes")
        ])  # fmt: skip

    def _rejects(self) -> DataFrame:
        from pyspark.sql import functions as F

        rejected = self.fates.fallen.filter(F.col("fate").startswith("rejected:"))
        reason = F.expr("substring(fate, length('rejected:') + 1)").alias("reason")
        return self._dated(rejected.select(F.col("file_day").alias("dt"), "source", "file", reason, "raw"))

    def _dated(self, frame: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        # A record without any date of an undated source is counted on the first day.
        return frame.withColumn("dt", F.when(F.col("dt") == "", self.first_day).otherwise(F.col("dt")))

    def _ours(self, frame: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        return frame.filter(F.col("dt").isin(self.days))


def build(deployment: Deployment, files: Sequence[RawFile], days: Sequence[str]) -> Frames:
    """Return the frames for these days, the books checked."""
    from pyspark.sql import functions as F

    logs, spark = deployment.logs, session("extract")
    wanted = {shift(day, step) for day in days for step in (-1, 0, 1)} | {""}
    near = [file for file in files if file.day in wanted]
    _configure(spark, len(near))
    records = _read(spark, deployment, near).persist()
    partitions = int(spark.conf.get("spark.sql.shuffle.partitions") or 200)
    fate = fates.assign(records, logs, partitions)
    fate.searches.persist(), fate.plays.persist()
    counted = sum(row["records"] for row in fates.counts(fate).collect())
    read = records.count()
    if not read:
        raise MissingDataError(
            f"the {len(near)} raw files of {days[0]} to {days[-1]} hold no records", "check the uris"
        )
    fates.check_books(read, counted)
    clicks_only = not any(source.kind == "play" for source in logs.sources)
    searches = journeys.settled_searches(fate.searches, logs).persist()
    plays = attribution.played(fate.plays, logs).persist()
    times = journeys.timeline(
        searches, attribution.match(plays, searches, logs), logs, clicks_only=clicks_only
    ).persist()
    playable = [row[0] for row in plays.select(F.split("item", ":")[0]).distinct().collect()]
    items = attribution.outcomes(times, attribution.credited(times), playable, clicks_only=clicks_only)
    kept = [records, fate.searches, fate.plays, searches, plays, times]
    return Frames(logs, list(days), min(days), read, fate, plays, times, items, kept)


def _read(spark: SparkSession, deployment: Deployment, files: Sequence[RawFile]) -> DataFrame:
    frames = []
    for source in deployment.logs.sources:
        uris = [file.uri for file in files if file.source == source.name]
        if uris:
            frames.append(mapping.records(spark, source, uris, salt=deployment.name))
    if not frames:
        raise MissingDataError(
            "no raw files belong to the days asked for", "check the window and the uris in logs.yaml"
        )
    return reduce(lambda a, b: a.unionByName(b), frames)


def _configure(spark: SparkSession, files: int) -> None:
    """Let everything per user reuse one shuffle, sized by how much there is to read."""
    cores = spark.sparkContext.defaultParallelism
    spark.conf.set("spark.sql.shuffle.partitions", str(min(max(2 * cores, files // 8), 2000)))
    spark.conf.set("spark.sql.requireAllClusterKeysForCoPartition", "false")
