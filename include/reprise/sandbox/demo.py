"""The demo in three acts, played through the running Airflow as a person would, ending with a receipt.

Act 1: a candidate beats what is live, a named reviewer approves, it is promoted. Act 2: a candidate learned from
corrupted logs is refused. Act 3: rollback by one write, and forward again. A second demo first lets the service
live another week under the live model; "not proven" is then a valid ending of act 1.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rich.console import Console

from reprise.errors import RepriseError, ServiceError
from reprise.gate.report import Report, load_report
from reprise.lake import Lake
from reprise.plan import read_plan
from reprise.sandbox import music, service_life
from reprise.sandbox.airflow_client import AirflowClient
from reprise.sandbox.home import LAKE, Home
from reprise.sandbox.supervisor import up
from reprise.settings import load_deployment
from reprise.solr.client import SolrClient, connect
from reprise.tracking import comparison_url

DAGS = ("extract", "retrain", "rollback")
BUDGET_S = {"start": 60, "simulate": 90, "act 1": 240, "act 2": 210, "act 3": 45}
FIRST_DAYS, NEXT_DAYS = 28, 7
DEPLOYMENT, CORRUPTED = "demo", "demo-corrupted"


@dataclass
class Stage:
    """What the acts share: the services, two log-ins, and what is to stand on the receipt."""

    home: Home
    console: Console
    wait_for_you: bool
    seconds: dict[str, float] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    run: str = ""  # act 1's run digest

    @property
    def mira(self) -> AirflowClient:
        """The reviewer's own log-in."""
        return AirflowClient(self.home.url("airflow"), "mira", self.home.passwords["mira"])

    @property
    def admin(self) -> AirflowClient:
        """The log-in that may unpause and clear."""
        return AirflowClient(self.home.url("airflow"), "admin", self.home.passwords["admin"])

    @cached_property
    def solr(self) -> SolrClient:
        """The demo's Solr."""
        return connect(load_deployment(DEPLOYMENT).solr.core)

    @contextmanager
    def timed(self, name: str, title: str) -> Iterator[None]:
        """Announce a part of the demo and note how long it took."""
        self.console.rule(f"[bold]{title}", align="left")
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start


def play(home: Home, wait_for_you: bool) -> None:
    """Play all of it; what is already there is reused. Services stay up afterwards."""
    stage = Stage(home, Console(highlight=False, soft_wrap=True), wait_for_you)
    os.environ.update(home.client_environment())
    with stage.timed("start", "Starting S3, EMR, Solr, MLflow and Airflow"):
        up(home)
        home.write_env_file()
        _upload_bundle()
        for dag in DAGS:
            stage.admin.wait_for_dag(dag)
            stage.admin.unpause(dag)
    with stage.timed("simulate", "A music service lives: people search, see, play"):
        days = NEXT_DAYS if service_life.days_lived(home, DEPLOYMENT) else FIRST_DAYS
        stage.console.print(service_life.live_on(home, DEPLOYMENT, days))
    with stage.timed("act 1", "Act 1: does a model trained on its logs beat what is live?"):
        _act_better(stage)
    with stage.timed("act 2", "Act 2: the same from a corrupted week; the gate must refuse"):
        _act_corrupted(stage)
    with stage.timed("act 3", "Act 3: rollback by one write, and forward again"):
        _act_rollback(stage)
    _receipt(stage)


def _upload_bundle() -> None:
    import tempfile
    from pathlib import Path

    from reprise.bundle import build_bundle, upload_bundle

    with tempfile.TemporaryDirectory() as folder:
        upload_bundle(build_bundle(Path(folder)), LAKE)


# --- act 1 -----------------------------------------------------------------------------------------------------


def _act_better(stage: Stage) -> None:
    """Retrain, review, promote; "not proven" is a valid ending."""
    before = _live(stage)
    stage.run, report = _retrain(stage, DEPLOYMENT, "required")
    after = _live(stage)
    _explain(stage, report)
    if after.number == before.number:
        stage.lines.append(f"act 1     not proven better than release {before.number}: it stays live")
        return
    stage.lines.append(f"act 1     release {after.number} ({after.model}) is live, approved by {after.approver}")


def _retrain(stage: Stage, deployment: str, review: str) -> tuple[str, Report]:
    """Run `retrain` to its end; return its run digest and gate report. A red run ends the demo and names the task."""
    client = stage.mira
    conf = {"deployment": deployment, "review": review, "reason": "make demo"}
    run_id = client.trigger("retrain", conf)
    stage.console.print(f"  triggered retrain: {stage.home.url('airflow')}/dags/retrain/runs/{run_id}")
    watch = _Watch(stage, run_id)
    state = client.wait("retrain", run_id, 7 * 86400.0 if stage.wait_for_you else 600.0, watch)
    if state != "success":
        failed = [t["task_id"] for t in client.tasks("retrain", run_id) if t["state"] == "failed"]
        raise ServiceError(
            f"retrain ended {state}: {', '.join(failed)} failed",
            f"see {stage.home.url('airflow')}/dags/retrain/runs/{run_id}",
        )
    digest = client.xcom("retrain", run_id, "plan", "planned")["run"]
    return digest, load_report(Lake(f"{LAKE}/{deployment}"), digest)


class _Watch:
    """Prints each task as it ends, and answers the review where the demo's reviewer is asked to."""

    def __init__(self, stage: Stage, run_id: str) -> None:
        self._stage, self._run_id = stage, run_id
        self._seen: set[tuple[str, int]] = set()
        self._waiting_since = 0.0
        self._asked = False

    def __call__(self, tasks: list[dict[str, Any]]) -> None:
        for task in tasks:
            key = (task["task_id"], task["map_index"])
            if key in self._seen or task["state"] not in ("success", "failed", "upstream_failed"):
                continue
            self._seen.add(key)
            seconds = f"{task['duration']:6.1f} s" if task.get("duration") else "        "
            mark = "✓" if task["state"] == "success" else "✗"
            index = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
            self._stage.console.print(f"  {mark} {task['task_id']}{index:<4} {seconds}", markup=False)
        if not self._asked and any(t["state"] == "awaiting_input" for t in tasks):
            self._waiting_since = self._waiting_since or time.monotonic()
            # An answer in the instant in which Airflow parks the task can fail it.
            if time.monotonic() - self._waiting_since > 3.0:
                self._review()

    def _review(self) -> None:
        client = self._stage.mira
        for review in client.waiting_reviews("retrain", self._run_id):
            self._asked = True
            if self._stage.wait_for_you:
                url = f"{self._stage.home.url('airflow')}/required_actions"
                password = self._stage.home.passwords["mira"]
                self._stage.console.print(f"  your review is awaited: {url} (mira / {password})", markup=False)
                continue
            task = review["task_instance"]["task_id"]
            client.answer_review(
                "retrain", self._run_id, task, "Approve", "The demo's reviewer has seen both rankings."
            )
            self._stage.console.print("  mira approves", markup=False)


def _explain(stage: Stage, report: Report) -> None:
    """Show every check, and put the deciding number on the receipt."""
    marks = {"pass": "✓", "fail": "✗", "inconclusive": "?"}
    for check in report.checks:
        stage.console.print(f"  {marks[check.outcome]} {check.question} {check.reason}", markup=False)
    stage.lines.append(f"gate      {report.family} beside {report.champion}: {report.answer}; {report.reason}")


# --- act 2 -----------------------------------------------------------------------------------------------------


def _act_corrupted(stage: Stage) -> None:
    """A run over logs whose played items were permuted must end without a promotion."""
    before = _live(stage)
    stage.console.print(f"  {service_life.corrupt_copy(stage.home, DEPLOYMENT, CORRUPTED)}")
    _, report = _retrain(stage, CORRUPTED, "policy")
    after = _live(stage)
    if after.number != before.number:
        raise RepriseError(
            f"a model learned from corrupted logs went live as release {after.number}",
            "roll back with `reprise release rollback demo`, and mend the gate",
        )
    stage.console.print(f"  refused: {report.reason}", markup=False)
    stage.lines.append(f"act 2     refused: {report.reason}")


# --- act 3 -----------------------------------------------------------------------------------------------------


def _act_rollback(stage: Stage) -> None:
    """Roll back, look, and go forward again without an upload."""
    from reprise import release

    now = _live(stage)
    if now.number == 0:
        stage.lines.append("act 3     nothing has been promoted yet, so there is nothing to roll back")
        return
    numbers = [entry.number for entry in release.releases(stage.solr)]
    target = max(number for number in numbers if number < now.number)
    query, seen = _telling_query(stage, target, now.number)
    _rollback(stage, target, "the demo's third act")
    back = _search(stage, query)
    _rollback(stage, now.number, "the demo ends with its model live")
    again = _search(stage, query)
    _side_by_side(stage, query, seen, back)
    if again != seen or back == seen:
        raise RepriseError(f"rollback did not bring the old order back for {query!r}", "see the rollback run's log")
    stage.lines.append(f"act 3     release {target} and back to {now.number}: one write each, no upload ({query!r})")


def _rollback(stage: Stage, to_release: int, reason: str) -> None:
    client = stage.mira
    run_id = client.trigger("rollback", {"deployment": DEPLOYMENT, "to_release": to_release, "reason": reason})
    if client.wait("rollback", run_id, 120.0) != "success":
        raise ServiceError("the rollback run failed", f"see {stage.home.url('airflow')}/dags/rollback/runs/{run_id}")
    if (number := _live(stage).number) != to_release:
        raise RepriseError(f"release {number} is live after a rollback to {to_release}", "see the rollback run's log")


def _telling_query(stage: Stage, old: int, new: int) -> tuple[str, list[str]]:
    """Return a frequent query whose first results differ between two releases, and the live results."""
    from reprise import release

    records = {r.number: r for r in release.releases(stage.solr)}
    for query in service_life.frequent_queries(DEPLOYMENT, stage.run):
        live = _search(stage, query)
        if live[:3] != _search(stage, query, records[old])[:3] and len(live) >= 3:
            return query, live
    raise RepriseError(f"releases {old} and {new} answer every frequent query alike", "look at both in Solr")


def _search(stage: Stage, query: str, release: Any = None) -> list[str]:
    """Return the first results' titles as the application gets them, or as an earlier release would answer."""
    how = release.paramset() if release else {"useParams": "reprise_live"}
    answer = stage.solr.select(
        {"q": query, "rows": 5, "fl": "id,title,artist", **how, **music.sent_along(query)}, "/search"
    )
    found = answer.body["response"]["docs"]
    return [f"{doc.get('title') or doc.get('artist') or ''} · {doc['id']}" for doc in found]


def _side_by_side(stage: Stage, query: str, live: list[str], old: list[str]) -> None:
    from rich.table import Table

    table = Table("", "engine or previous order", "live model", title=f"results for {query!r}")
    for rank, (left, right) in enumerate(zip(old, live, strict=False), 1):
        table.add_row(str(rank), left, right)
    stage.console.print(table)


# --- receipt ---------------------------------------------------------------------------------------------------


def _receipt(stage: Stage) -> None:
    """Print eleven lines: what happened, where to look, how long it took."""
    home = stage.home
    times = ", ".join(f"{name} {stage.seconds[name]:.0f}/{budget} s" for name, budget in BUDGET_S.items())
    lines = [
        *stage.lines,
        f"Airflow   {home.url('airflow')}   admin / {home.passwords['admin']}   mira / {home.passwords['mira']}",
        f"MLflow    {home.url('mlflow')}   (no log-in on one machine)",
        f"models    side by side: {comparison_url(read_plan(f'{LAKE}/{DEPLOYMENT}/runs/{stage.run}/plan.json'))}",
        f"Solr      {home.url('solr')}   (no log-in on one machine)",
        f"time      {times}",
        "next      `make demo` lives another week; `make down` ends it all; `reprise release list demo`",
    ]
    stage.console.rule("[bold]Receipt", align="left")
    for line in lines:
        stage.console.print(line, markup=False)


def _live(stage: Stage) -> Any:
    from reprise import release

    return release.live(stage.solr)
