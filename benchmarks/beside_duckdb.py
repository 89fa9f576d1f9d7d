"""Extraction, beside DuckDB doing the same with the same local files.

What it does there is what the tests hold the extraction against: every daily table, by SQL of its own.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from growth import moved, multiply
from reprise.errors import RepriseError
from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.sandbox.s3a import start_local_spark


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table: each once, Spark first, parsing before all; the session is started before the clock is."""
    from extraction import parse
    from reprise.searches import extract
    from reprise.searches.calendar import files_for, raw_files

    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        multiply(plan.deployment, plan.days, Path(folder), 1)
        deployment = plan.deployment.model_copy(update={"logs": moved(plan.deployment.logs, folder)})
        local = dataclasses.replace(plan, deployment=deployment, lake=f"{folder}/lake")
        spark = start_local_spark(home, cores)
        spark.sparkContext.setLogLevel("ERROR")
        near = files_for(raw_files(deployment.logs), plan.days)
        parse(spark, local, near)  # the first time, the JVM is still cold
        start = time.perf_counter()
        parse(spark, local, near)
        parsing = time.perf_counter() - start
        start = time.perf_counter()
        facts = extract.run(local).facts
        ours = time.perf_counter() - start
        spark.stop()
        start = time.perf_counter()
        rows = _by_duckdb(local, Path(folder), cores)
        theirs = time.perf_counter() - start
        files = len(raw_files(deployment.logs))
    if rows != facts["rows"]:
        raise RepriseError(f"extract wrote {facts['rows']}, DuckDB {rows}", "run the tests of tests/searches")
    written = sum(rows.values())
    yield f"{files} gzip files, {facts['records']:,} records, {len(plan.days)} days, {written:,} rows, {cores} cores\n"
    yield "| | seconds | beside DuckDB | beside parsing |"
    yield "|---|---|---|---|"
    for name, seconds in (("`extract`", ours), ("DuckDB", theirs), ("Spark, parsing alone", parsing)):
        yield f"| {name} | {seconds:.1f} | {seconds / theirs:.2f} | {seconds / parsing:.2f} |"


def _by_duckdb(plan: Plan, folder: Path, threads: int) -> dict[str, int]:
    """Write every table to one Parquet file, and return its rows."""
    import pyarrow.parquet as pq

    from reprise.searches.calendar import raw_files
    from reprise.searches.privacy import load_keys

    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from builders import duckdb_searches

    logs = plan.deployment.logs
    tables = duckdb_searches.extract(logs, raw_files(logs), plan.days, load_keys(plan.open_lake()), threads)
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")
    return {name: table.num_rows for name, table in tables.items()}
