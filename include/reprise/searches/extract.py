"""``reprise extract``: every closed day without a current manifest, or whose raw files changed, in one Spark job.

Days are written together and published one by one; ``searches`` last, so its manifest means that the day is done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprise import tables
from reprise.errors import RepriseError, UsageError
from reprise.lake import Attempt, Lake, Manifest
from reprise.plan import Plan
from reprise.searches.calendar import RawFile, inputs_of, raw_files
from reprise.searches.privacy import Listeners, ensure_keys, forgotten
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger(__name__)

#: In the order of publication.
TABLES = (
    "rejects", "log_counts", "impressions", "query_item_stats", "item_stats", "journey_stats", "searches",
)  # fmt: skip


def run(plan: Plan) -> Verdict:
    """Extract what is missing and publish it; a plan with nothing missing returns before Spark starts."""
    if not plan.days:
        raise UsageError(f"plan {plan.run} has no days", "widen the window, or wait until a day has closed")
    lake, files = plan.open_lake(), raw_files(plan.deployment.logs)
    missing = stale_days(lake, plan, files)
    if not missing:
        return Verdict(reason=f"all {len(plan.days)} days are published", facts={"days": []})
    started = time.monotonic()
    log.info("extracting %d of %d days: %s to %s", len(missing), len(plan.days), missing[0], missing[-1])
    rows, records = _extract(lake, plan, files, missing)
    seconds = round(time.monotonic() - started, 1)
    facts: dict[str, Any] = {"days": missing, "rows": rows, "records": records, "seconds": seconds}
    return Verdict(reason=f"{len(missing)} days, {records:,} records in {seconds} s", facts=facts)


def stale_days(lake: Lake, plan: Plan, files: Sequence[RawFile]) -> list[str]:
    """Return the plan's days that were never published, or were made from other raw files than there are now."""
    done = lake.partitions("searches", plan.logs_version)
    return [day for day in plan.days if f"dt={day}" not in done or done[f"dt={day}"].inputs != inputs_of(files, day)]


def _extract(lake: Lake, plan: Plan, files: Sequence[RawFile], days: Sequence[str]) -> tuple[dict[str, int], int]:
    """Write every table for these days, publish them, and return rows per table and records read."""
    from reprise.searches.pipeline import Extraction, Staging, days_read
    from reprise.spark import session

    keys = ensure_keys(lake, days_read(days), plan.deployment.logs.privacy.rotate_key_days)
    listeners = Listeners(keys, forgotten(lake))
    with Staging(session("extract")) as staging:
        job = Extraction(plan.deployment, files, days, listeners, staging)
        written = _write_tables(lake, plan.logs_version, job.tables() | job.statistics())
    if forgotten(lake) != listeners.forgotten:
        raise RepriseError("a listener was forgotten while the days were extracted", "run the step again")
    inputs = {day: inputs_of(files, day) for day in days}
    for table in TABLES:
        current = lake.partitions(table, plan.logs_version)
        for day in days:
            _publish(lake, plan, table, day, written[table], inputs[day], current)
        log.info("published %s: %d rows over %d days", table, sum(written[table].rows.values()), len(days))
    return {table: sum(written[table].rows.values()) for table in TABLES}, job.records


@dataclass(frozen=True)
class _Written:
    """One attempt that holds several days, in folders of their own; ``rows`` per day."""

    attempt: str
    rows: dict[str, int]


def _write_tables(lake: Lake, version: str, frames: dict[str, DataFrame]) -> dict[str, _Written]:
    """Write tables side by side: committing many small files to S3 is mostly waiting."""
    with ThreadPoolExecutor(len(frames)) as pool:
        writing = {name: pool.submit(_write_table, lake, version, name, frame) for name, frame in frames.items()}
    return {name: future.result() for name, future in writing.items()}


def _write_table(lake: Lake, version: str, table: str, frame: DataFrame) -> _Written:
    from pyspark.sql import functions as F

    schema = getattr(tables, table)
    frame = frame.select(*[F.col(name).cast(_spark_type(kind)).alias(name) for name, kind in _columns(schema)])
    attempt = lake.attempt(table, version, "all").id
    root = lake.store.uri(f"{table}/v={version}/attempt={attempt}")
    # A copy of dt names the folders, so that dt itself stays in the rows. REBALANCE gives a day as many files as
    # its size asks for; DataFrame.hint takes no columns.
    sized = frame.sparkSession.sql("SELECT /*+ REBALANCE(dt) */ *, dt AS day FROM {rows}", rows=frame)
    sized.write.partitionBy("day").parquet(root)
    written = frame.sparkSession.read.schema(frame.schema).parquet(root)
    return _Written(attempt, {row["dt"]: row["count"] for row in written.groupBy("dt").count().collect()})


def _publish(
    lake: Lake, plan: Plan, table: str, day: str, written: _Written, inputs: dict[str, str],
    current: dict[str, Manifest],
) -> None:  # fmt: skip
    folder = f"{table}/v={plan.logs_version}/attempt={written.attempt}/day={day}"
    if day not in written.rows:  # an empty day has a file too, so that readers get its columns
        lake.store.put(f"{folder}/empty.parquet", _empty_file(table))
    attempt = Attempt(table, plan.logs_version, f"dt={day}", written.attempt)
    lake.publish(attempt, written.rows.get(day, 0), inputs, replaces=current.get(f"dt={day}"), folder=folder)


def _empty_file(table: str) -> bytes:
    import io

    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(getattr(tables, table).empty_table(), buffer)
    return buffer.getvalue()


def _columns(schema: Any) -> list[tuple[str, Any]]:
    return [(field.name, field.type) for field in schema]


def _spark_type(kind: Any) -> Any:
    from pyspark.sql.pandas.types import from_arrow_type

    return from_arrow_type(kind)
