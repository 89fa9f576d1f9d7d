"""The one Spark job behind `extract`, from raw files to the daily tables.

Raw bytes are read once; records are then divided by listener, and stay so. Between its parts the job puts what it
has on the cluster's own file system. So no part's query plan carries those before it (planning them again and again
cost more than the work), a lost executor costs one part, and what is divided by listener is not divided again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from types import TracebackType
from typing import TYPE_CHECKING

from reprise.errors import MissingDataError
from reprise.searches import attribution, fates, journeys, mapping, statistics, tears
from reprise.searches.calendar import RawFile, files_for, shift
from reprise.searches.privacy import Listeners
from reprise.settings import Deployment
from reprise.spark import scratch, session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


#: Raw text: with what was shown at every search, about 100 MB of rows in a partition at its widest.
BYTES_PER_PARTITION = 64 << 20
#: What gzip and zstd make of logs as JSON lines, about.
_COMPRESSION = 8


class Staging:
    """Frames that are made once and read often, in a folder that goes when the job ends."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark, self._room = spark, scratch(spark, "extract")

    def __enter__(self) -> Staging:
        self._spark.sparkContext.setCheckpointDir(self._room.__enter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._room.__exit__(kind, error, at)

    def put(self, frame: DataFrame) -> DataFrame:
        """Write a frame and return it as read back, divided and sorted among its partitions as it was."""
        return frame.checkpoint()


class Extraction:
    """One job for some days of a deployment. Call ``tables`` for all but the statistics, then ``statistics``."""

    def __init__(
        self, deployment: Deployment, files: Sequence[RawFile], days: Sequence[str], listeners: Listeners,
        staging: Staging,
    ) -> None:  # fmt: skip
        self.logs, self.days = deployment.logs, list(days)
        self.clicks_only = not any(source.kind == "play" for source in self.logs.sources)
        self._staging = staging
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        near = files_for(files, days)
        spark = session("extract")
        # Looking up many small raw files is one job of one task per file otherwise.
        cores = spark.sparkContext.defaultParallelism
        spark.conf.set("spark.sql.sources.parallelPartitionDiscovery.parallelism", str(2 * cores))
        partitions = _configure(spark, near)

        def divided(torn: Collection[str]) -> tuple[DataFrame, int]:
            read, raw = Observation(), listeners.hide(_read(spark, deployment, near, torn))
            records = raw.observe(read, F.count(F.lit(1)).alias("records"))
            return staging.put(fates.by_user(records, partitions)), read.get["records"]

        records, self.records = tears.despite(spark, self.logs, near, divided)
        if not self.records:
            raise MissingDataError(
                f"the {len(near)} raw files for {days[0]} to {days[-1]} hold no records", "check the uris in logs.yaml"
            )
        marks = staging.put(fates.marked_days(records, self.logs))
        fate = fates.assign(records, marks, self.logs)
        self._fates = fates.Fates(staging.put(fate.searches), staging.put(fate.plays), fate.fallen)
        self._build()

    def _build(self) -> None:
        from pyspark.sql import functions as F

        put, logs = self._staging.put, self.logs
        settled = put(journeys.settled_searches(self._fates.searches, logs))
        self._plays = put(attribution.played(self._fates.plays, logs))
        matched = attribution.match(self._plays, settled, logs)
        self._times = put(journeys.timeline(settled, matched, logs, clicks_only=self.clicks_only))
        self._credited = put(attribution.credited(self._times))
        playable = [row[0] for row in self._plays.select(F.split("item", ":")[0]).distinct().collect()]
        items = attribution.outcomes(self._times, self._credited, playable, clicks_only=self.clicks_only)
        self._items = put(items)
        self._journeys = put(attribution.journey_outcomes(self._items))
        self._impressions = put(self._ours(self._shown()))

    def tables(self) -> dict[str, DataFrame]:
        """Return searches, impressions, rejects and log_counts for the days asked for; the books are checked."""
        from pyspark.sql import functions as F

        # From here on rows go to days; adaptive plans size their files.
        session("extract").conf.set("spark.sql.adaptive.enabled", "true")
        counts = fates.counts(self._fates)
        fates.check_books(self.records, counts.agg(F.sum("records")).first()[0])  # type: ignore[index]
        frames = {
            "rejects": self._dated(self._rejects()),
            "log_counts": self._dated(counts),
            "impressions": self._impressions,
            "searches": self._searches(),
        }
        return {name: self._ours(frame) for name, frame in frames.items()}

    def statistics(self) -> dict[str, DataFrame]:
        """Return the daily statistics for the days asked for."""
        saves, impressions = self._fates.searches, self._impressions
        frames = {
            "query_stats": statistics.query_stats(self._times),
            "query_item_stats": statistics.query_item_stats(impressions, self.logs),
            "item_stats": statistics.item_stats(self._plays, self._times, self._credited, saves, impressions),
            "journey_stats": statistics.journey_stats(self._times, self._credited, self._journeys, self.logs),
        }
        return {name: self._ours(frame) for name, frame in frames.items()}

    def _shown(self) -> DataFrame:
        from pyspark.sql import functions as F

        prefixes = attribution.prefix_outcomes(self._times, self._journeys, self.logs)
        settled = self._items.withColumn("prefix_weight", F.lit(1.0)).drop("journey", "touched_at")
        return settled.unionByName(prefixes)

    def _searches(self) -> DataFrame:
        names = ("query", "q", "surface", "scope", "language", "ranker", "swapped", "keystrokes")
        found = self._times.filter("row = 'search'")
        return found.select(
            "dt", "s.search_id", "journey_id", "user", "ts", "reformulated", *[f"s.{name}" for name in names]
        )

    def _rejects(self) -> DataFrame:
        from pyspark.sql import functions as F

        rejected = self._fates.fallen.filter(F.col("fate").startswith("rejected:"))
        reason = F.expr("substring(fate, length('rejected:') + 1)").alias("reason")
        return rejected.select(F.col("file_day").alias("dt"), "source", "file", reason, "raw")

    def _dated(self, frame: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        # A record without any date, of a source without day parts, is counted on the first day.
        return frame.withColumn("dt", F.when(F.col("dt") == "", min(self.days)).otherwise(F.col("dt")))

    def _ours(self, frame: DataFrame) -> DataFrame:
        from pyspark.sql import functions as F

        return frame.filter(F.col("dt").isin(self.days))


def days_read(days: Sequence[str]) -> set[str]:
    """Return the days whose raw files make these days: each with its neighbours."""
    return {shift(day, step) for day in days for step in (-1, 0, 1)}


def _read(spark: SparkSession, deployment: Deployment, files: Sequence[RawFile], torn: Collection[str]) -> DataFrame:
    frames = []
    for source in deployment.logs.sources:
        uris = [file.uri for file in files if file.source == source.name]
        if uris:
            frames.append(mapping.records(spark, source, uris, torn))
    if not frames:
        raise MissingDataError(
            "no raw files belong to the days asked for", "check the window and the uris in logs.yaml"
        )
    return reduce(lambda one, other: one.unionByName(other), frames)


def _configure(spark: SparkSession, files: Sequence[RawFile]) -> int:
    """Size the shuffles by the raw bytes, and let everything per listener share one; return the size."""
    on_disk = sum(file.size for file in files)
    partitions = max(spark.sparkContext.defaultParallelism, on_disk * _COMPRESSION // BYTES_PER_PARTITION)
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    spark.conf.set("spark.sql.requireAllClusterKeysForCoPartition", "false")
    # An adaptive plan does not know how its rows are divided before it has run, and would divide them again.
    spark.conf.set("spark.sql.adaptive.enabled", "false")
    spark.conf.set("spark.sql.execution.replaceHashWithSortAgg", "true")
    return partitions
