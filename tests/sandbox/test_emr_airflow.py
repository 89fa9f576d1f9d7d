"""Airflow's own EMR hook and waiters, unchanged, told by ``AWS_ENDPOINT_URL_EMR`` alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from builders.emr_server import EmrServer, cluster_status, shell_step

pytestmark = pytest.mark.services

# In a process of its own: importing Airflow makes its home and sets up logging.
SCRIPT = """
import json, sys
from airflow.providers.amazon.aws.hooks.emr import EmrHook

good, bad = json.loads(sys.argv[1])
hook = EmrHook(emr_conn_id=None)
overrides = {"Name": "of-airflow", "Instances": {"KeepJobFlowAliveWhenNoSteps": True}}
cluster = hook.create_job_flow(overrides)["JobFlowId"]
hook.get_waiter("job_flow_waiting").wait(ClusterId=cluster, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
steps = hook.add_job_flow_steps(cluster, steps=[good], wait_for_completion=True, waiter_delay=1, waiter_max_attempts=20)
found = hook.get_cluster_id_by_name("of-airflow", ["WAITING"])
failure = ""
try:
    hook.add_job_flow_steps(cluster, steps=[bad], wait_for_completion=True, waiter_delay=1, waiter_max_attempts=20)
except Exception as error:
    failure = str(error)
hook.conn.terminate_job_flows(JobFlowIds=[cluster])
hook.get_waiter("job_flow_terminated").wait(ClusterId=cluster, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
print("RESULT " + json.dumps({"cluster": cluster, "found": found, "steps": len(steps), "failure": failure}))
"""


def test_the_hook_creates_runs_waits_and_terminates(tmp_path):
    server = EmrServer(tmp_path / "emr")
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps({"conn_type": "aws"}),
        "AWS_ENDPOINT_URL_EMR": server.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }
    steps = json.dumps([shell_step("good", "true"), shell_step("bad", "echo broken >&2; exit 1")])

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, steps], env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert lines, done.stderr
    result = json.loads(lines[-1].removeprefix("RESULT "))
    state = cluster_status(server.client(), result["cluster"])["State"]
    server.stop()

    assert result["found"] == result["cluster"]
    assert result["steps"] == 1
    assert "EMR Steps failed" in result["failure"]
    assert state == "TERMINATED"
