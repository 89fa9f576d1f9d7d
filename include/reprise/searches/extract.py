"""``reprise extract``: every closed day without a current manifest, or whose raw files changed, in one Spark job.

Days are written together and published one by one, each with all its tables in one manifest. A day that was made
again and came out the same keeps its files: late records of a neighbour do not make it new.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from reprise import tables
from reprise.errors import RepriseError, UsageError
from reprise.lake import DAILY, DAYS, Attempt, Lake, Manifest, table_of
from reprise.plan import Plan
from reprise.searches.calendar import RawFile, inputs_of, raw_files
from reprise.searches.privacy import Listeners, ensure_keys, forgotten
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger(__name__)


def run(plan: Plan) -> Verdict:
    """Extract what is missing and publish it; a plan with nothing missing returns before Spark starts."""
    lake, files = plan.open_lake(), raw_files(plan.deployment.logs)
    missing = stale_days(lake, plan, files)
    if not missing:
        return _nothing_missing(plan)
    started = time.monotonic()
    log.info("extracting %d of %d days: %s to %s", len(missing), len(plan.days), missing[0], missing[-1])
    rows, records = _extract(lake, plan, files, missing)
    seconds = round(time.monotonic() - started, 1)
    facts: dict[str, Any] = {"days": missing, "rows": rows, "records": records, "seconds": seconds}
    return Verdict(reason=f"{len(missing)} days, {records:,} records in {seconds} s", facts=facts)


def finished(plan: Plan) -> Verdict | None:
    """Return the answer where every day of the plan is published from the raw files of now, else None."""
    return None if stale_days(plan.open_lake(), plan, raw_files(plan.deployment.logs)) else _nothing_missing(plan)


def _nothing_missing(plan: Plan) -> Verdict:
    return Verdict(reason=f"all {len(plan.days)} days are published", facts={"days": []})


def stale_days(lake: Lake, plan: Plan, files: Sequence[RawFile]) -> list[str]:
    """Return the plan's days that were never published, or were made from other raw files than there are now."""
    if not plan.days:
        raise UsageError(f"plan {plan.run} has no days", "widen the window, or wait until a day has closed")
    done = lake.partitions(DAYS, plan.logs_version)
    return [day for day in plan.days if f"dt={day}" not in done or done[f"dt={day}"].inputs != inputs_of(files, day)]


def _extract(lake: Lake, plan: Plan, files: Sequence[RawFile], days: Sequence[str]) -> tuple[dict[str, int], int]:
    """Write every table for these days, publish them, and return rows per table and records read."""
    from reprise.searches.pipeline import Extraction, Staging, days_read
    from reprise.spark import session

    keys = ensure_keys(lake, days_read(days), plan.deployment.logs.privacy.rotate_key_days)
    listeners = Listeners(keys, forgotten(lake))
    attempt = lake.attempt(DAYS, plan.logs_version)
    with Staging(session("extract")) as staging:
        job = Extraction(plan.deployment, files, days, listeners, staging)
        write_tables(job.tables() | job.statistics(), lake.attempt_uri(attempt))
    if forgotten(lake) != listeners.forgotten:
        raise RepriseError("a listener was forgotten while the days were extracted", "run the step again")
    written = _by_day(lake, attempt)
    total: Counter[str] = Counter()
    current = lake.partitions(DAYS, plan.logs_version)
    for day in days:
        made = written.get(day, Day())
        total.update(made.rows)
        _publish(lake, plan, attempt, day, made, inputs_of(files, day), current.get(f"dt={day}"))
    log.info("published %d days: %s", len(days), dict(total))
    return {table: total[table] for table in DAILY}, job.records


@dataclass(frozen=True)
class Day:
    """What an attempt wrote of one day: key → when, and rows by table."""

    files: dict[str, float] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def write_tables(frames: Mapping[str, DataFrame], root: str) -> None:
    """Write tables to folders of an attempt side by side: committing many small files to S3 is mostly waiting."""
    with ThreadPoolExecutor(len(frames)) as pool:
        writing = [pool.submit(_write_table, frame, name, root) for name, frame in frames.items()]
    for future in writing:
        future.result()


def _write_table(frame: DataFrame, table: str, root: str) -> None:
    from reprise.spark import as_table

    # A copy of dt names the folders, so that dt itself stays in the rows. REBALANCE gives a day as many files as
    # its size asks for; DataFrame.hint takes no columns.
    rows = as_table(frame, getattr(tables, table))
    sized = frame.sparkSession.sql("SELECT /*+ REBALANCE(dt) */ *, dt AS day FROM {rows}", rows=rows)
    sized.write.partitionBy("day").parquet(f"{root}/{table}")


def _by_day(lake: Lake, attempt: Attempt) -> dict[str, Day]:
    """Return what an attempt wrote, by day; rows are read from the files' footers."""
    written = lake.written_by(attempt)
    with ThreadPoolExecutor(16) as pool:
        counts = dict(zip(written, pool.map(lake.count_rows, written), strict=True))
    days: dict[str, Day] = {}
    for key, at in written.items():
        table, folder, _ = key.rsplit("/", 3)[1:]
        day = days.setdefault(folder.removeprefix("day="), Day())
        day.files[key] = at
        day.rows[table] = day.rows.get(table, 0) + counts[key]
    return days


def _publish(
    lake: Lake, plan: Plan, attempt: Attempt, day: str, made: Day, inputs: dict[str, str], before: Manifest | None
) -> None:
    """Publish one day, unless it is what was published already: then only its inputs are written down anew."""
    partition, facts = f"dt={day}", {"rows": made.rows}
    if before and not before.facts.get("expired") and before.facts["rows"] == made.rows and _same(lake, before, made):
        lake.publish_manifest(replace(before, inputs=inputs, number=before.number + 1))
        lake.store.delete(made.files)
        return
    lake.publish(
        attempt, sum(made.rows.values()), inputs, facts, replaces=before, written=made.files, partition=partition
    )


def _same(lake: Lake, before: Manifest, made: Day) -> bool:
    """Whether a day's tables hold the same rows as before, in whatever order and files."""
    from reprise.spark import fingerprint, session

    spark = session("extract")
    for table in made.rows:
        files = ([lake.store.uri(key) for key in keys if table_of(key) == table] for keys in (before.files, made.files))
        old, new = (fingerprint(spark, getattr(tables, table), paths) for paths in files)
        if old != new:
            return False
    return True
