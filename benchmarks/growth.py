"""Extraction of the same days at several sizes: seconds and memory by raw bytes, and one day beside all of them.

More of a service is more listeners: each copy of a raw file has users, searches and plays of its own, and the same
items and queries. Every size runs in a process of its own, on local files, with the same heap, over the plan's last
week. What a retrain reads of it afterwards are the daily statistics.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reprise.lake import DAYS
from reprise.objects import ObjectStore
from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.searches.calendar import files_for, raw_files
from reprise.settings import Deployment, Logs

SIZES = (1, 4, 16)
DAYS_MEASURED = 7
_OWN = ("user", "search_id", "play_id")
_READ_BY_RETRAIN = ("query_stats", "query_item_stats", "item_stats", "journey_stats", "log_counts")


def measure(home: Home, plan: Plan, sizes: Sequence[int] = SIZES) -> Iterator[str]:
    """Yield the table, one row per size."""
    plan = dataclasses.replace(plan, days=plan.days[-DAYS_MEASURED:])
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            multiply(plan.deployment, plan.days, Path(folder), size)
            (Path(folder) / "plan.json").write_text(plan.to_json(), encoding="utf-8")
            done = subprocess.run([sys.executable, __file__, folder], stdout=subprocess.PIPE, text=True, check=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    base = found[0]
    yield f"{len(plan.days)} days, {os.cpu_count()} cores, driver heap {base['heap']}\n"
    columns = (
        "size|records|raw MB|parsing s|`extract` s|beside parsing|s per raw MB, beside 1x|peak RSS MB|last day alone s"
        "|daily statistics MB"
    )
    yield f"| {columns.replace('|', ' | ')} |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for size, one in zip(sizes, found, strict=True):
        growth = (one["extract"] / one["bytes"]) / (base["extract"] / base["bytes"])
        yield (
            f"| {size}x | {one['records']:,} | {one['bytes'] / 1e6:.0f} | {one['parse']:.1f} | {one['extract']:.1f} | "
            f"{one['extract'] / one['parse']:.2f} | {growth:.2f} | {one['rss']:.0f} | {one['day']:.1f} | "
            f"{one['statistics'] / 1e6:.2f} |"
        )


def multiply(deployment: Deployment, days: Sequence[str], folder: Path, copies: int) -> None:
    """Write every raw file of these days ``copies`` times under folder/<bucket>/..., each with ids of its own."""
    fields = {
        source.fields[name].split(".")[-1]
        for source in deployment.logs.sources
        for name in _OWN
        if name in source.fields
    }
    ids = re.compile(rb'("(?:' + "|".join(sorted(fields)).encode() + rb')": ?"[^"]*)"')
    for file in files_for(raw_files(deployment.logs), days):
        where, _, name = file.uri.rpartition("/")
        content = gzip.decompress(ObjectStore(where).get(name) or b"")
        target = folder / where.split("://", 1)[-1].lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        for number in range(copies):
            own = ids.sub(rb"\1~" + str(number).encode() + b'"', content) if number else content
            (target / f"{number}-{name}").write_bytes(gzip.compress(own, 6))


def moved(logs: Logs, folder: str) -> Logs:
    """Return the sources as they are under the folder."""
    sources = [
        s.model_copy(update={"uris": [f"{folder}/{u.split('://', 1)[-1].lstrip('/')}" for u in s.uris]})
        for s in logs.sources
    ]
    return logs.model_copy(update={"sources": sources})


def _run(folder: str) -> dict[str, Any]:
    from extraction import parse, raw_size
    from reprise.sandbox.s3a import start_local_spark
    from reprise.searches import extract

    plan = Plan.from_json((Path(folder) / "plan.json").read_bytes())
    logs = moved(plan.deployment.logs, folder)
    plan = dataclasses.replace(
        plan, deployment=plan.deployment.model_copy(update={"logs": logs}), lake=f"{folder}/lake"
    )
    spark = start_local_spark(Home.from_environment(), os.cpu_count() or 1)
    spark.sparkContext.setLogLevel("ERROR")
    files = files_for(raw_files(logs), plan.days)
    size = raw_size(spark, [file.uri for file in files])
    start = time.perf_counter()
    records = parse(spark, plan, files)
    parsed = time.perf_counter()
    extract.run(plan)
    extracted = time.perf_counter()
    lake = plan.open_lake()
    days = lake.partitions(DAYS, plan.logs_version).values()
    kept = [Path(folder, "lake", key) for day in days for name in _READ_BY_RETRAIN for key in day.files_of(name)]
    statistics = sum(path.stat().st_size for path in kept)
    lake.store.delete(k for k in lake.store.list(f"{DAYS}/") if f"/dt={plan.days[-1]}/manifest" in k)
    begun = time.perf_counter()
    extract.run(plan)
    day = time.perf_counter() - begun
    java = spark.sparkContext._gateway.proc.pid
    peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{java}/status").read_text(encoding="ascii"))
    heap = spark._jvm.java.lang.Runtime.getRuntime().maxMemory() / 2**20
    spark.stop()
    return {
        "bytes": size, "records": records, "parse": parsed - start, "extract": extracted - parsed, "day": day,
        "statistics": statistics, "rss": int(peak[1]) / 1024 if peak else 0.0, "heap": f"{heap:.0f} MB",
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(_run(sys.argv[1])))
