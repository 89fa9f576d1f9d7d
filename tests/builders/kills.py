"""Kills the processes of a run's tasks, as a machine that runs out of memory would, wherever they just are."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil

from reprise.errors import ServiceError

if TYPE_CHECKING:
    from reprise.sandbox.airflow_client import AirflowClient

_POLL_S = 0.1


def kill_process(instance: dict[str, Any]) -> bool:
    """Kill the processes in which a task instance runs; return whether there was one."""
    title = f"airflow worker -- {instance['id']}"
    mine = [one for one in psutil.process_iter(["cmdline"]) if title in " ".join(one.info["cmdline"] or [])]
    for process in mine:
        process.kill()
    return bool(mine)


@contextmanager
def killing(
    airflow: AirflowClient, dag: str, run_id: str, tasks: Sequence[str], *, cleared: bool = True
) -> Iterator[dict[str, str]]:
    """Kill each task once; yield task → its state once Airflow knows. Then it is ``cleared``, where asked."""
    found: dict[str, str] = {}
    over = threading.Event()
    reaper = threading.Thread(target=_reap, args=(airflow, dag, run_id, tasks, found, over, cleared), daemon=True)
    reaper.start()
    try:
        yield found
    finally:
        over.set()
        reaper.join(30)


def _reap(
    airflow: AirflowClient,
    dag: str,
    run_id: str,
    tasks: Sequence[str],
    found: dict[str, str],
    over: threading.Event,
    cleared: bool,
) -> None:
    killed: set[str] = set()
    while not over.wait(_POLL_S):
        instances: list[dict[str, Any]] = []
        with suppress(ServiceError):  # there may be no such run yet
            instances = airflow.tasks(dag, run_id)
        for instance in instances:
            task, state = instance["task_id"], instance["state"]
            if task not in tasks or task in found:
                continue
            if task not in killed and state == "running" and kill_process(instance):
                killed.add(task)
            elif task in killed and state not in ("running", None):
                found[task] = state
                if cleared and state != "success":
                    airflow.clear(dag, run_id, [task], downstream=False)
