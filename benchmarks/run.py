"""`make bench`: each figure a ratio against something named, measured side by side in one run.

It reads what `make demo` left on this machine (raw logs, the newest run of `retrain`, the live model), and changes
nothing of it.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import traceback
from datetime import UTC, datetime
from types import ModuleType

import beside_duckdb
import extraction
import families
import feature_logging
import gate
import growth
import judging
import lifecycle
import order
import page
import promotion
import publishing
import ranking_metrics
import scoring
import training
import tuning
from reprise.errors import RepriseError, UsageError
from reprise.plan import Plan, read_plan
from reprise.sandbox.home import LAKE, Home
from reprise.sandbox.supervisor import status

DEPLOYMENT = "demo"


def newest_plan() -> Plan:
    """Return the plan of the demo's newest finished run: the last one that trained."""
    from reprise.objects import ObjectStore

    store = ObjectStore(f"{LAKE}/{DEPLOYMENT}")
    runs = {key.split("run=")[1].split("/")[0] for key in store.list("candidates/") if key.endswith("candidate.json")}
    plans = [read_plan(store.uri(f"runs/{run}/plan.json")) for run in runs]
    if not plans:
        raise UsageError("no run of the demo has trained a model yet", "run `make demo` first")
    return max(plans, key=lambda plan: (plan.as_of, plan.run))


def main() -> int:
    """Print every table; return an exit code."""
    logging.disable(logging.INFO)
    home = Home.from_environment()
    os.environ.update(home.client_environment())
    try:
        down = [state.title for state in status(home) if state.trouble]
        if down:
            raise UsageError(f"not running: {', '.join(down)}", "run `make demo` first")
        plan = newest_plan()
        print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores")
        print(f"demo run {plan.run}: {plan.days[0]} to {plan.as_of}\n")
        parts = (
            order, training, tuning, lifecycle, extraction, beside_duckdb, growth, judging, feature_logging,
            publishing, ranking_metrics, gate, promotion, page, scoring, families,
        )  # fmt: skip
        failed = [part.__name__ for part in parts if not _shown(part, home, plan)]
    except RepriseError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    if failed:
        print(f"bench: not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _shown(part: ModuleType, home: Home, plan: Plan) -> bool:
    """Print a part's table and return whether it was measured; one that fails leaves the others their turn."""
    print(f"## {(part.__doc__ or '').splitlines()[0]}\n")
    try:
        for line in part.measure(home, plan):
            print(line, flush=True)
    except Exception:
        traceback.print_exc()
        return False
    print(flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
