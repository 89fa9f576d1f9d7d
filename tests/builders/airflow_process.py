"""A Python program that uses Airflow, in a process and a home of its own: the test process never imports it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_with_airflow(home: Path, *arguments: str, timeout_s: float = 240.0, **more: str) -> str:
    """Return what ``python <arguments>`` prints, last line only; ``more`` goes into its scrubbed environment."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(ROOT / "include"),  # the code beside these tests, whatever is installed
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "REPRISE_DEPLOYMENTS": str(ROOT / "include" / "deployments"),
        **more,
    }
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=home, capture_output=True, text=True, timeout=timeout_s,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip().splitlines()[-1]
