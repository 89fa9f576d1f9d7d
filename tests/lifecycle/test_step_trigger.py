"""The trigger waits for a real step of the sandbox's EMR, survives silence, keeps its deadline, cancels on kill."""

import json
import time

import pytest

from builders.airflow_process import run_with_airflow
from builders.emr_server import EmrServer, shell_step, start_cluster, step_named, wait_for_steps

PROGRAM = """
import asyncio, json, sys, time
from reprise.lifecycle.trigger import StepTrigger

cluster, step, earliest, deadline, kill = json.loads(sys.argv[1])

async def first():
    trigger = StepTrigger(cluster, step, 0.1, earliest, deadline)
    path, fields = trigger.serialize()
    assert path == "reprise.lifecycle.trigger.StepTrigger", path
    again = StepTrigger(**fields)
    if kill:
        await again.on_kill()
    async for event in again.run():
        return {**event.payload, "at": time.time()}

print(json.dumps(asyncio.run(first())))
"""

pytestmark = pytest.mark.services


@pytest.fixture
def server(tmp_path):
    running = EmrServer(tmp_path / "emr")
    yield running
    running.stop()


def waited_for(server, tmp_path, script, *, earliest=0.0, seconds=60.0, kill=False):
    client = server.client()
    cluster = start_cluster(client, StepConcurrencyLevel=1, LogUri=str(tmp_path / "logs"))
    step = client.add_job_flow_steps(JobFlowId=cluster, Steps=[shell_step("judge-1", script)])["StepIds"][0]
    wait_for_steps(client, cluster, **({"judge-1": "RUNNING"} if "sleep" in script else {}))
    given = json.dumps([cluster, step, earliest, time.time() + seconds, kill])
    aws = {
        "AWS_ENDPOINT_URL_EMR": server.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
    }
    payload = json.loads(run_with_airflow(tmp_path, "-c", PROGRAM, given, **aws))
    return payload, step_named(client, cluster, "judge-1")["Status"]["State"]


def test_it_fires_when_the_step_has_ended(server, tmp_path):
    payload, _ = waited_for(server, tmp_path, "true")

    assert payload["state"] == "COMPLETED"


def test_it_does_not_fire_before_the_pause_is_booked(server, tmp_path):
    earliest = time.time() + 12.0  # later than it takes to start the program

    payload, _ = waited_for(server, tmp_path, "true", earliest=earliest)

    assert payload["state"] == "COMPLETED"
    assert earliest <= payload["at"]


def test_it_says_why_a_step_failed(server, tmp_path):
    payload, _ = waited_for(server, tmp_path, "echo 'KeyError: theta' >&2; exit 1")

    assert (payload["state"], payload["reason"]) == ("FAILED", "KeyError: theta")


def test_a_step_past_its_deadline_is_cancelled(server, tmp_path):
    payload, state = waited_for(server, tmp_path, "sleep 60", seconds=-1)

    assert payload["state"] == "TIMED_OUT"
    assert "step_timeout_s" in payload["reason"]
    assert state in ("CANCELLED", "CANCEL_PENDING")


def test_killing_the_task_cancels_the_step(server, tmp_path):
    payload, state = waited_for(server, tmp_path, "sleep 60", kill=True)

    assert (payload["state"], state) == ("CANCELLED", "CANCELLED")
