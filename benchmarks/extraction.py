"""Extraction of every closed day, beside Spark merely parsing the same files with a given schema."""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Iterator

from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.sandbox.s3a import start_local_spark


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table: one warm-up read, then each once, in one session."""
    from reprise.searches import extract
    from reprise.searches.calendar import files_for, raw_files

    cores = os.cpu_count() or 1
    spark = start_local_spark(home, cores)
    spark.sparkContext.setLogLevel("ERROR")
    files = files_for(raw_files(plan.deployment.logs), plan.days)
    raw_bytes = raw_size(spark, [file.uri for file in files])
    start = time.perf_counter()
    records = parse(spark, plan, files)
    parsing = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as lake:
        start = time.perf_counter()
        extract.run(dataclasses.replace(plan, lake=lake))
        extracting = time.perf_counter() - start
    spark.stop()
    size = f"{len(files)} gzip files, {records:,} records, {raw_bytes / 1e6:.0f} MB unpacked"
    yield f"{size}, {len(plan.days)} days, {cores} cores\n"
    yield "| | seconds | records/s per core | MB/s per core | beside parsing |"
    yield "|---|---|---|---|---|"
    for name, seconds in (("`extract`", extracting), ("parsing alone", parsing)):
        rate, speed = records / seconds / cores, raw_bytes / 1e6 / seconds / cores
        yield f"| {name} | {seconds:.1f} | {rate:,.0f} | {speed:.2f} | {seconds / parsing:.2f} |"


def raw_size(spark: object, uris: list[str]) -> int:
    """Return the unpacked bytes of text files."""
    from pyspark.sql import functions as f

    return int(spark.read.text(uris).select(f.sum(f.octet_length("value") + 1)).first()[0])


def parse(spark: object, plan: Plan, files: list[object]) -> int:
    """Read every source with the schema that its mapping implies, and touch every field."""
    from pyspark.sql import functions as f

    from reprise.searches.reading import schema_of

    records = 0
    for source in plan.deployment.logs.sources:
        uris = [file.uri for file in files if file.source == source.name]
        schema = schema_of(source)
        parsed = spark.read.text(uris).select(f.from_json("value", schema).alias("r"))
        records += parsed.select(f.xxhash64("r"), f.lit(1).alias("n")).agg(f.sum("n"), f.max("xxhash64(r)")).first()[0]
    return int(records)
