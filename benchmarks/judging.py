"""Judging the same days at several sizes: seconds by distinct (day, query, item, place).

More of a service is more queries: each copy of the statistics has queries of its own. Local files, one session, after a
run that warms it up.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

from reprise.lake import DAYS, Lake
from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.sandbox.s3a import start_local_spark

SIZES = (1, 4, 16)
_TABLES = ("query_stats", "query_item_stats")


def measure(home: Home, plan: Plan, sizes: Sequence[int] = SIZES) -> Iterator[str]:
    """Yield the table, one row per size."""
    from reprise.judgments import judge

    cores = os.cpu_count() or 1
    spark = start_local_spark(home, cores)
    spark.sparkContext.setLogLevel("ERROR")
    found = []
    for number, size in enumerate((sizes[0], *sizes)):  # the first once more: the JVM is cold
        with tempfile.TemporaryDirectory() as folder:
            larger = dataclasses.replace(plan, lake=folder, run=f"{plan.run}-{number}")
            keys = multiply(plan.open_lake(), larger, size)
            start = time.perf_counter()
            facts = judge.run(larger).facts
            found.append((size, keys, int(facts["judgments"]), time.perf_counter() - start))
    spark.stop()
    yield f"{len(plan.days)} days, {cores} cores\n"
    yield "| size | distinct keys | judgments | seconds | µs per key | beside 1x |"
    yield "|---|---|---|---|---|---|"
    base = found[1][3] / found[1][1]
    for size, keys, rows, seconds in found[1:]:
        each = seconds / keys
        yield f"| {size}x | {keys:,} | {rows:,} | {seconds:.1f} | {1e6 * each:.1f} | {each / base:.2f} |"


def multiply(lake: Lake, larger: Plan, copies: int) -> int:
    """Publish the days in the plan's own lake with so many copies of each query; return the keys there are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    keys = 0
    for day in larger.days:
        target = larger.open_lake()
        attempt, counts = target.attempt(DAYS, larger.logs_version), {}
        for table in _TABLES:
            rows = lake.read(table, larger.logs_version, [f"dt={day}"])
            parts = [rows, *(_renamed(rows, number, pa, pc) for number in range(1, copies))]
            whole = pa.concat_tables(parts)
            target.put_rows(f"{attempt.key}/{table}/day={day}/part-0.parquet", whole)
            counts[table] = whole.num_rows
        keys += counts["query_item_stats"]
        target.publish(attempt, sum(counts.values()), facts={"rows": counts}, partition=f"dt={day}")
    return keys


def _renamed(rows: Any, number: int, pa: Any, pc: Any) -> Any:
    text = pc.binary_join_element_wise(rows["q"], pa.scalar(f"copy{number}"), " ")
    return rows.set_column(rows.column_names.index("q"), "q", text)
