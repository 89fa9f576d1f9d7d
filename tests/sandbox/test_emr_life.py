"""What becomes of clusters and their steps: every ending, and no process left behind."""

from __future__ import annotations

import gzip
import itertools
import time

import pytest
from botocore.exceptions import ClientError

from builders.emr_server import (
    EmrServer,
    all_gone,
    cluster_status,
    pids,
    shell_step,
    spark_step,
    start_cluster,
    step_named,
    step_states,
    wait_for_cluster,
    wait_for_steps,
    wait_until,
)
from reprise.sandbox.emr.runner import MARK, Process, kill_marked


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = EmrServer(tmp_path_factory.mktemp("emr"), grace_s=0.5, second_s=0.01)
    yield server
    server.stop()


@pytest.fixture
def emr(server):
    client = server.client()
    yield client
    live = client.list_clusters(ClusterStates=["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"])["Clusters"]
    client.set_termination_protection(JobFlowIds=[cluster["Id"] for cluster in live], TerminationProtected=False)
    client.terminate_job_flows(JobFlowIds=[cluster["Id"] for cluster in live])


def test_steps_run_one_after_the_other_and_the_cluster_waits(emr, tmp_path):
    order = tmp_path / "order"
    steps = [shell_step(name, f"sleep 0.1; echo {name} >> {order}") for name in "abc"]

    cluster = start_cluster(emr, *steps)
    status = wait_for_cluster(emr, cluster, "WAITING")

    assert order.read_text().split() == ["a", "b", "c"]
    assert status["StateChangeReason"]["Message"] == "Cluster ready after last step completed."
    times = [step_named(emr, cluster, name)["Status"]["Timeline"] for name in "abc"]
    assert [a["EndDateTime"] <= b["StartDateTime"] for a, b in itertools.pairwise(times)] == [True, True]


def test_step_concurrency_is_how_many_run_at_once(emr, tmp_path):
    gate = tmp_path / "gate"
    wait = f"while [ ! -e {gate} ]; do sleep 0.02; done"

    cluster = start_cluster(emr, *(shell_step(name, wait) for name in "abc"), StepConcurrencyLevel=2)
    wait_for_steps(emr, cluster, a="RUNNING", b="RUNNING")
    third = step_states(emr, cluster)["c"]
    gate.touch()
    wait_for_steps(emr, cluster, a="COMPLETED", b="COMPLETED", c="COMPLETED")

    assert third == "PENDING"


def test_a_step_gets_a_scrubbed_environment_and_a_folder_of_its_own(server, emr, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "1")
    cluster = start_cluster(emr, shell_step("env", f"env > {tmp_path / 'env'}; pwd > {tmp_path / 'pwd'}"))
    wait_for_steps(emr, cluster, env="COMPLETED")

    names = {line.split("=")[0] for line in (tmp_path / "env").read_text().splitlines()} - {"PWD", "SHLVL", "_"}
    own = {
        "PATH", "HOME", "LANG", "TMPDIR", "JAVA_HOME", "SPARK_HOME", "SPARK_DEFAULTS", "SPARK_LOCAL_IP",
        "SPARK_LOCAL_DIRS", "SPARK_SUBMIT_OPTS", "REPRISE_SANDBOX_PROCESS",
    }  # fmt: skip
    assert own <= names
    assert {name for name in names - own if not name.startswith("AWS_")} == set()
    step = step_named(emr, cluster, "env")["Id"]
    assert str(server.home / "clusters" / cluster / "steps" / step) == (tmp_path / "pwd").read_text().strip()


def test_a_failed_step_says_why_and_where_its_logs_are(emr, tmp_path):
    script = "echo partial; echo '26/11/23 10:00:00 INFO x: y' >&2; echo 'no bucket b → make it' >&2; exit 64"
    cluster = start_cluster(emr, shell_step("bad", script), LogUri=f"file://{tmp_path}/logs/")
    wait_for_steps(emr, cluster, bad="FAILED")

    step = step_named(emr, cluster, "bad")
    folder = tmp_path / "logs" / cluster / "steps" / step["Id"]
    logs = {path.name: gzip.decompress(path.read_bytes()).decode() for path in folder.iterdir()}

    uri = f"file://{tmp_path}/logs/{cluster}/steps/{step['Id']}/stderr.gz"
    expected = {"Reason": "Unknown Error.", "Message": "no bucket b → make it", "LogFile": uri}
    assert expected == step["Status"]["FailureDetails"]
    assert {"controller.gz", "stdout.gz", "stderr.gz"} == set(logs)
    assert logs["stdout.gz"] == "partial\n"
    assert "ended with exit code 64" in logs["controller.gz"]
    assert wait_for_cluster(emr, cluster, "WAITING")["State"] == "WAITING"


@pytest.mark.parametrize("program", ["bash", "hadoop"])
def test_what_the_command_runner_does_not_know_fails_the_step(emr, program):
    step = {"Name": "other", "ActionOnFailure": "CONTINUE"}
    cluster = start_cluster(emr, step | {"HadoopJarStep": {"Jar": "command-runner.jar", "Args": [program, "-c", "x"]}})
    wait_for_steps(emr, cluster, other="FAILED")

    assert f'Cannot run program "{program}"' in step_named(emr, cluster, "other")["Status"]["FailureDetails"]["Message"]


def test_a_jar_of_ones_own_fails_the_step(emr):
    cluster = start_cluster(
        emr, {"Name": "own", "HadoopJarStep": {"Jar": "s3://b/own.jar"}, "ActionOnFailure": "CONTINUE"}
    )
    wait_for_steps(emr, cluster, own="FAILED")

    assert "Cannot run jar s3://b/own.jar" in step_named(emr, cluster, "own")["Status"]["FailureDetails"]["Message"]


@pytest.mark.parametrize(
    ("action", "ending", "code", "last"),
    [
        ("CONTINUE", "WAITING", None, "COMPLETED"),
        ("CANCEL_AND_WAIT", "WAITING", None, "CANCELLED"),
        ("TERMINATE_CLUSTER", "TERMINATED_WITH_ERRORS", "STEP_FAILURE", "CANCELLED"),
        ("TERMINATE_JOB_FLOW", "TERMINATED_WITH_ERRORS", "STEP_FAILURE", "CANCELLED"),
    ],
)
def test_action_on_failure(emr, action, ending, code, last):
    cluster = start_cluster(emr, shell_step("bad", "exit 1", action), shell_step("last", "true"))
    status = wait_for_cluster(emr, cluster, "WAITING", "TERMINATED_WITH_ERRORS")

    assert (ending, code) == (status["State"], status["StateChangeReason"].get("Code"))
    assert {"bad": "FAILED", "last": last} == step_states(emr, cluster)


def test_a_protected_cluster_outlives_its_step_and_its_user(emr):
    cluster = start_cluster(emr, shell_step("bad", "exit 1", "TERMINATE_CLUSTER"), protected=True)
    wait_for_cluster(emr, cluster, "WAITING")

    with pytest.raises(ClientError, match="termination protected"):
        emr.terminate_job_flows(JobFlowIds=[cluster])

    assert cluster_status(emr, cluster)["State"] == "WAITING"


@pytest.mark.parametrize("option", ["SEND_INTERRUPT", "TERMINATE_PROCESS"])
def test_cancel_kills_the_whole_tree(emr, tmp_path, option):
    """The step's child starts a session of its own, ignores SIGTERM and outlives its parent: it dies all the same."""
    child = f"trap '' TERM; echo $$ >> {tmp_path / 'pids'}; sleep 300 & echo $! >> {tmp_path / 'pids'}; wait"
    script = f'setsid bash -c "{child.replace("$", chr(92) + "$")}" & echo $$ >> {tmp_path / "pids"}; wait'
    cluster = start_cluster(emr, shell_step("long", script), shell_step("next", "true"))
    wait_until(lambda: (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 3)
    step = step_named(emr, cluster, "long")["Id"]

    answer = emr.cancel_steps(ClusterId=cluster, StepIds=[step], StepCancellationOption=option)
    wait_for_steps(emr, cluster, long="CANCELLED", next="COMPLETED")

    assert [{"StepId": step, "Status": "SUBMITTED"}] == answer["CancelStepsInfoList"]
    assert all_gone(pids(tmp_path / "pids"))


def test_a_pending_step_is_cancelled_and_an_ended_one_is_not(emr):
    cluster = start_cluster(emr, *(shell_step(n, s) for n, s in [("a", "true"), ("b", "sleep 60"), ("c", "true")]))
    wait_for_steps(emr, cluster, a="COMPLETED", b="RUNNING")
    ids = [step_named(emr, cluster, name)["Id"] for name in "ac"]

    answer = emr.cancel_steps(ClusterId=cluster, StepIds=ids)["CancelStepsInfoList"]

    assert [info["Status"] for info in answer] == ["FAILED", "SUBMITTED"]
    assert step_states(emr, cluster) == {"a": "COMPLETED", "b": "RUNNING", "c": "CANCELLED"}


def test_terminate_kills_what_runs_and_cancels_what_waits(server, emr, tmp_path):
    cluster = start_cluster(emr, shell_step("a", f"echo $$ > {tmp_path / 'pid'}; sleep 300"), shell_step("b", "true"))
    running = pids(tmp_path / "pid")

    emr.terminate_job_flows(JobFlowIds=[cluster])
    status = wait_for_cluster(emr, cluster, "TERMINATED")

    assert status["StateChangeReason"] == {"Code": "USER_REQUEST", "Message": "Terminated by user request"}
    assert step_states(emr, cluster) == {"a": "CANCELLED", "b": "CANCELLED"}
    assert all_gone(running)
    assert [path.name for path in (server.home / "clusters" / cluster).iterdir()] == ["cluster.json"]
    with pytest.raises(ClientError, match="shutting down, terminated, or finished may not be modified"):
        emr.add_job_flow_steps(JobFlowId=cluster, Steps=[shell_step("c", "true")])
    emr.terminate_job_flows(JobFlowIds=[cluster])  # again is no error


def test_a_cluster_not_kept_alive_ends_after_its_steps(emr):
    cluster = start_cluster(emr, shell_step("a", "true"), shell_step("b", "exit 1"), keep_alive=False)
    status = wait_for_cluster(emr, cluster, "TERMINATED")

    assert status["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"
    assert step_states(emr, cluster) == {"a": "COMPLETED", "b": "FAILED"}


def test_an_idle_cluster_ends_itself_and_a_busy_one_does_not(emr):
    """Seconds are hundredths here: 60 idle ones are 0.6 s, and the step takes longer than that."""
    cluster = start_cluster(emr, shell_step("busy", "sleep 1"), AutoTerminationPolicy={"IdleTimeout": 60})
    started = time.monotonic()
    status = wait_for_cluster(emr, cluster, "TERMINATED")

    assert "idle for 60 seconds" in status["StateChangeReason"]["Message"]
    assert step_states(emr, cluster) == {"busy": "COMPLETED"}
    assert time.monotonic() - started > 1.5


def test_a_new_step_wakes_a_waiting_cluster(emr):
    cluster = start_cluster(emr)
    wait_for_cluster(emr, cluster, "WAITING")

    (step,) = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[shell_step("a", "true")])["StepIds"]
    emr.get_waiter("step_complete").wait(ClusterId=cluster, StepId=step, WaiterConfig={"Delay": 1, "MaxAttempts": 10})

    assert step_states(emr, cluster) == {"a": "COMPLETED"}


def bootstrap(path) -> list[dict]:
    return [{"Name": "setup", "ScriptBootstrapAction": {"Path": str(path), "Args": ["one", "two words"]}}]


def test_bootstrap_actions_run_before_steps_and_share_their_home(emr, tmp_path):
    script = tmp_path / "setup.sh"
    script.write_text('#!/bin/bash\nsleep 0.3\nprintf "%s|" "$@" > $HOME/made\n')
    step = shell_step("read", f"cat $HOME/made > {tmp_path / 'seen'}; echo -n $0 >> {tmp_path / 'seen'}")
    step["HadoopJarStep"]["Args"].append("/home/hadoop/made")

    cluster = start_cluster(emr, step, BootstrapActions=bootstrap(script))
    before = wait_for_cluster(emr, cluster, "BOOTSTRAPPING")
    wait_for_steps(emr, cluster, read="COMPLETED")

    assert before["StateChangeReason"]["Message"] == "Running bootstrap actions"
    seen, mapped = (tmp_path / "seen").read_text().rsplit("|", 1)
    assert seen == "one|two words"
    assert mapped.endswith(f"{cluster}/home/made")


@pytest.mark.parametrize("content", ["#!/bin/bash\necho no such package >&2\nexit 7\n", None])
def test_a_failing_or_missing_bootstrap_action_ends_the_cluster(emr, tmp_path, content):
    script = tmp_path / "setup.sh"
    if content:
        script.write_text(content)

    cluster = start_cluster(
        emr, shell_step("a", "true"), BootstrapActions=bootstrap(script), LogUri=f"file://{tmp_path}/logs"
    )
    status = wait_for_cluster(emr, cluster, "TERMINATED_WITH_ERRORS")

    assert status["StateChangeReason"]["Code"] == "BOOTSTRAP_FAILURE"
    assert "bootstrap action 1 returned a non-zero return code" in status["StateChangeReason"]["Message"]
    assert step_states(emr, cluster) == {"a": "CANCELLED"}
    (log,) = (tmp_path / "logs" / cluster / "node").glob("i-*/bootstrap-actions/1/stderr.gz")
    assert ("no such package" if content else "there is no") in gzip.decompress(log.read_bytes()).decode()


def test_terminating_while_it_bootstraps_kills_the_action(emr, tmp_path):
    script = tmp_path / "setup.sh"
    script.write_text(f"#!/bin/bash\necho $$ > {tmp_path / 'pid'}\nsleep 300\n")
    cluster = start_cluster(emr, BootstrapActions=bootstrap(script))
    running = pids(tmp_path / "pid")

    emr.terminate_job_flows(JobFlowIds=[cluster])

    assert wait_for_cluster(emr, cluster, "TERMINATED")["StateChangeReason"]["Code"] == "USER_REQUEST"
    assert all_gone(running)


def test_a_step_killed_on_request_fails_and_only_the_first_that_matches(server, emr):
    server.fault(kill_step="train*", after_s=0.1)
    scripts = {"judge": "sleep 0.3", "train-1": "sleep 300", "train-2": "sleep 0.3"}
    cluster = start_cluster(emr, *(shell_step(name, script) for name, script in scripts.items()))
    wait_for_cluster(emr, cluster, "WAITING")

    assert step_states(emr, cluster) == {"judge": "COMPLETED", "train-1": "FAILED", "train-2": "COMPLETED"}


def test_a_killed_process_has_its_signal_for_an_exit_code(tmp_path):
    """Whoever kills the tree must not take the exit code away: a killed step would look completed."""
    process = Process(["/bin/sleep", "300"], {MARK: "j-TEST/s-1"}, tmp_path, tmp_path / "stdout", tmp_path / "stderr")

    assert kill_marked("j-TEST") == 1
    assert process.wait() == -9


def test_spark_defaults_of_the_request_reach_the_image(server, emr):
    properties = {"spark.pyspark.python": "/home/hadoop/reprise-env/bin/python"}
    cluster = start_cluster(emr, Configurations=[{"Classification": "spark-defaults", "Properties": properties}])
    wait_for_cluster(emr, cluster, "WAITING")

    folder = server.home / "clusters" / cluster
    conf = dict(line.split(" ", 1) for line in (folder / "conf" / "spark-defaults.conf").read_text().splitlines())

    assert f"{folder}/home/reprise-env/bin/python" == conf["spark.pyspark.python"]
    assert conf["spark.master"].startswith("local[")


def test_a_missing_spark_submit_fails_the_step_and_is_named(tmp_path):
    server = EmrServer(tmp_path, quick=False, spark_submit=tmp_path / "nowhere")
    emr = server.client()
    cluster = start_cluster(emr, spark_step("a", "app.py"))
    wait_for_steps(emr, cluster, a="FAILED")
    message = step_named(emr, cluster, "a")["Status"]["FailureDetails"]["Message"]
    server.stop()

    assert message == f'Cannot run program "{tmp_path / "nowhere"}": No such file or directory'
