"""A server that was stopped or killed: nothing of it runs on, and nothing of what it knew is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from builders.emr_server import (
    QUICK_SUBMIT,
    EmrServer,
    all_gone,
    pids,
    shell_step,
    start_cluster,
    step_named,
    step_states,
    wait_for_cluster,
    wait_for_steps,
    wait_until,
)
from reprise.sandbox.ports import free_ports

SERVE = """
import sys, uvicorn
from pathlib import Path
from reprise.sandbox.emr.__main__ import build_cloud
from reprise.sandbox.emr.app import build_app
from reprise.sandbox.emr.image import Image
home = Path(sys.argv[1])
app = build_app(build_cloud(home, Image(home / "image", spark_submit=home / "quick-submit")))
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")
"""


class OtherProcess(EmrServer):
    """The server in a process of its own, which can be killed."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        (home / "quick-submit").write_text(QUICK_SUBMIT)
        (home / "quick-submit").chmod(0o755)
        port = free_ports(1)[0]
        self.home, self.url = home, f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([sys.executable, "-c", SERVE, str(home), str(port)])
        wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return bool(self.client().list_clusters())
        except Exception:
            return False

    def kill(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(20)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_running_steps_are_interrupted_and_the_cluster_goes_on(tmp_path, number):
    old = OtherProcess(tmp_path / "emr")
    emr = old.client()
    script = f"setsid sleep 300 & echo $$ $! > {tmp_path / 'pids'}; touch $HOME/kept; wait"
    after = f"ls $HOME > {tmp_path / 'listing'}"
    logs = f"file://{tmp_path}/logs"
    cluster = start_cluster(emr, shell_step("long", script), shell_step("next", after), LogUri=logs)
    strict = start_cluster(emr, shell_step("strict", "sleep 300", "TERMINATE_CLUSTER"), shell_step("never", "true"))
    ended = start_cluster(emr, shell_step("done", "true"), keep_alive=False)
    wait_for_cluster(emr, ended, "TERMINATED")
    wait_for_steps(emr, strict, strict="RUNNING")
    running = pids(tmp_path / "pids")
    before = emr.describe_cluster(ClusterId=ended)["Cluster"]

    old.kill(number)
    new = EmrServer(tmp_path / "emr")
    emr = new.client()
    wait_for_steps(emr, cluster, long="FAILED", next="COMPLETED")
    wait_for_cluster(emr, strict, "TERMINATED_WITH_ERRORS")
    step = step_named(emr, cluster, "long")
    log = wait_until(lambda: list((tmp_path / "logs" / cluster / "steps" / step["Id"]).glob("*.gz")))
    again = emr.describe_cluster(ClusterId=ended)["Cluster"]
    states = step_states(emr, strict)
    new.stop()

    assert step["Status"]["FailureDetails"]["Reason"] == "interrupted"
    assert "interrupted" in step["Status"]["StateChangeReason"]["Message"]
    assert all_gone(running)
    assert (tmp_path / "listing").read_text() == "kept\n"
    assert states == {"strict": "FAILED", "never": "CANCELLED"}
    assert before == again
    assert log


def test_a_cluster_that_was_starting_ends_with_errors(tmp_path):
    old = OtherProcess(tmp_path / "emr")
    script = tmp_path / "setup.sh"
    script.write_text(f"#!/bin/bash\necho $$ > {tmp_path / 'pid'}\nsleep 300\n")
    action = {"Name": "setup", "ScriptBootstrapAction": {"Path": str(script)}}
    cluster = start_cluster(old.client(), shell_step("a", "true"), BootstrapActions=[action])
    running = pids(tmp_path / "pid")

    old.kill(signal.SIGKILL)
    new = EmrServer(tmp_path / "emr")
    status = wait_for_cluster(new.client(), cluster, "TERMINATED_WITH_ERRORS")
    states = step_states(new.client(), cluster)
    new.stop()

    assert status["StateChangeReason"]["Code"] == "INTERNAL_ERROR"
    assert states == {"a": "CANCELLED"}
    assert all_gone(running)


def test_a_second_server_on_the_same_home_is_refused_in_one_line(tmp_path):
    server = EmrServer(tmp_path / "emr")
    command = [sys.executable, "-m", "reprise.sandbox.emr", "--port", "1", "--home", str(tmp_path / "emr")]
    second = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False, timeout=60)
    server.stop()

    assert second.returncode == 64
    assert second.stderr == f"another EMR server uses {tmp_path / 'emr'} → end it first, or give another --home\n"
