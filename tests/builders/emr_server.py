"""A running EMR server for tests: the real one, in this process, on a free port, with quick steps.

In place of ``spark-submit`` its image has a script that drops the options and executes the application itself, so
that a step can be ``/bin/sh -c …`` and takes milliseconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
import uvicorn
from botocore.config import Config

from reprise.sandbox.emr.__main__ import build_cloud
from reprise.sandbox.emr.app import build_app
from reprise.sandbox.emr.image import Image
from reprise.sandbox.ports import free_ports

QUICK_SUBMIT = """#!/bin/bash
while [[ "$1" == -* ]]; do shift 2; done
exec "$@"
"""


class EmrServer:
    """The API on ``url``; ``home`` is where its clusters are."""

    def __init__(self, home: Path, *, quick: bool = True, **image: Any) -> None:
        self.home = home
        if quick:
            image["spark_submit"] = home / "quick-submit"
            home.mkdir(parents=True, exist_ok=True)
            image["spark_submit"].write_text(QUICK_SUBMIT)
            image["spark_submit"].chmod(0o755)
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        app = build_app(build_cloud(home, Image(home / "image", **image)))
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started)

    def stop(self) -> None:
        """End the server as SIGTERM does."""
        self._server.should_exit = True
        self._thread.join(20)

    def client(self, attempts: int = 1) -> Any:
        """Return boto3's client of it."""
        return boto3.client(
            "emr", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y",
            config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}),
        )  # fmt: skip

    def fault(self, **wanted: Any) -> None:
        """Ask for a fault."""
        httpx.post(f"{self.url}/_faults", json=wanted).raise_for_status()


def spark_step(name: str, *application: str, on_failure: str = "CONTINUE") -> dict[str, Any]:
    """Return a step as Reprise submits them."""
    args = ["spark-submit", "--deploy-mode", "cluster", "--master", "yarn", *application]
    return {"Name": name, "ActionOnFailure": on_failure, "HadoopJarStep": {"Jar": "command-runner.jar", "Args": args}}


def shell_step(name: str, script: str, on_failure: str = "CONTINUE") -> dict[str, Any]:
    """Return a step that runs a line of shell in place of an application."""
    return spark_step(name, "/bin/bash", "-c", script, on_failure=on_failure)


def start_cluster(client: Any, *steps: dict[str, Any], keep_alive: bool = True, **request: Any) -> str:
    """Start a cluster and return its id; ``protected`` sets its termination protection."""
    protected = request.pop("protected", False)
    instances = {"KeepJobFlowAliveWhenNoSteps": keep_alive, "TerminationProtected": protected}
    return client.run_job_flow(**{"Name": "a cluster", "Instances": instances, "Steps": list(steps), **request})[
        "JobFlowId"
    ]


def cluster_status(client: Any, cluster: str) -> dict[str, Any]:
    """Return a cluster's Status."""
    return client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]


def step_states(client: Any, cluster: str) -> dict[str, str]:
    """Return step name → state."""
    pages = client.get_paginator("list_steps").paginate(ClusterId=cluster)
    return {step["Name"]: step["Status"]["State"] for page in pages for step in page["Steps"]}


def step_named(client: Any, cluster: str, name: str) -> dict[str, Any]:
    """Return DescribeStep's answer for a step of that name."""
    found = next(step for step in client.list_steps(ClusterId=cluster)["Steps"] if step["Name"] == name)
    return client.describe_step(ClusterId=cluster, StepId=found["Id"])["Step"]


def wait_until(true: Callable[[], Any], timeout_s: float = 20.0) -> Any:
    """Return the first truthy answer; a test that waits in vain fails here."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        answer = true()
        if answer:
            return answer
        time.sleep(0.03)
    raise AssertionError(f"not within {timeout_s} s")


def wait_for_cluster(client: Any, cluster: str, *states: str, timeout_s: float = 20.0) -> dict[str, Any]:
    """Return the cluster's Status once it is in one of these states."""

    def status() -> dict[str, Any] | None:
        now = cluster_status(client, cluster)
        return now if now["State"] in states else None

    return wait_until(status, timeout_s)


def wait_for_steps(client: Any, cluster: str, timeout_s: float = 20.0, **states: str) -> None:
    """Return once every step named here is in its state."""
    wait_until(lambda: states.items() <= step_states(client, cluster).items(), timeout_s)


def pids(path: Path) -> list[int]:
    """Return the process ids that a step wrote to a file, once they are there."""
    return [int(word) for word in wait_until(lambda: path.exists() and path.read_text().split())]


def all_gone(ids: list[int]) -> bool:
    """Return whether none of these processes runs; one that nobody has reaped yet does not."""
    return not any(psutil.pid_exists(pid) and _running(pid) for pid in ids)


def _running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
