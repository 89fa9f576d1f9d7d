"""Clusters and steps are found again by name, on the real EMR server of the sandbox."""

import pytest

from builders.emr_server import EmrServer, shell_step, wait_for_cluster, wait_for_steps
from reprise import aws
from reprise.errors import ServiceError, UsageError
from reprise.lifecycle import emr_api

NAME = "reprise-demo-0123456789ab"


@pytest.fixture
def server(tmp_path, monkeypatch):
    running = EmrServer(tmp_path / "emr")
    for name, value in {
        "AWS_ENDPOINT_URL_EMR": running.url,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield running
    running.stop()


@pytest.fixture
def logs(tmp_path):
    return tmp_path / "logs"


def request(logs, name=NAME):
    return {
        "Name": name,
        "Instances": {"KeepJobFlowAliveWhenNoSteps": True},
        "LogUri": str(logs),
        "StepConcurrencyLevel": 2,
    }


def test_a_run_has_one_cluster_however_often_it_is_opened(server, logs):
    first = emr_api.open_cluster(request(logs))
    other = emr_api.open_cluster(request(logs, "reprise-demo-ffffffffffff"))

    assert emr_api.open_cluster(request(logs)) == first
    assert emr_api.find_clusters(NAME) == [first]
    assert other != first


def test_a_closed_cluster_is_opened_anew_and_others_stay(server, logs):
    first, other = emr_api.open_cluster(request(logs)), emr_api.open_cluster(request(logs, "another"))

    assert emr_api.close_clusters(NAME) == [first]
    assert emr_api.close_clusters(NAME) == []
    assert emr_api.open_cluster(request(logs)) != first
    assert emr_api.find_clusters("another") == [other]


def test_every_cluster_of_the_name_is_closed(server, logs):
    """Two of one name can only come from a race or by hand; neither may be left."""
    clusters = [aws.client("emr").run_job_flow(**request(logs))["JobFlowId"] for _ in range(2)]

    assert sorted(emr_api.close_clusters(NAME)) == sorted(clusters)
    assert emr_api.find_clusters(NAME) == []


def test_a_step_under_way_is_taken_over(server, logs):
    cluster = emr_api.open_cluster(request(logs))
    first = emr_api.submit_step(cluster, shell_step("judge-1", "sleep 30"))
    wait_for_steps(server.client(), cluster, **{"judge-1": "RUNNING"})
    told = []

    assert emr_api.submit_step(cluster, shell_step("judge-1", "true"), before_submit=lambda: told.append(1)) == first
    assert told == []
    assert len(server.client().list_steps(ClusterId=cluster)["Steps"]) == 1


def test_a_completed_step_is_not_run_again(server, logs):
    cluster = emr_api.open_cluster(request(logs))
    first = emr_api.submit_step(cluster, shell_step("judge-1", "true"))
    wait_for_steps(server.client(), cluster, **{"judge-1": "COMPLETED"})

    assert emr_api.submit_step(cluster, shell_step("judge-1", "true")) == first
    assert emr_api.step_status(cluster, first)["state"] == "COMPLETED"


def test_a_failed_step_is_run_again_and_says_why(server, logs):
    cluster = emr_api.open_cluster(request(logs))
    first = emr_api.submit_step(cluster, shell_step("judge-1", "echo 'ValueError: no such bucket' >&2; exit 1"))
    wait_for_steps(server.client(), cluster, **{"judge-1": "FAILED"})
    status, told = emr_api.step_status(cluster, first), []

    assert status["state"] == "FAILED"
    assert status["reason"] == "ValueError: no such bucket"
    assert "no such bucket" in emr_api.log_tail(status["log"])
    assert emr_api.submit_step(cluster, shell_step("judge-1", "true"), before_submit=lambda: told.append(1)) != first
    assert told == [1]


def test_a_cancelled_step_ends_with_its_processes(server, logs):
    cluster = emr_api.open_cluster(request(logs))
    step = emr_api.submit_step(cluster, shell_step("judge-1", "sleep 60"))
    wait_for_steps(server.client(), cluster, **{"judge-1": "RUNNING"})

    emr_api.cancel_step(cluster, step)

    wait_for_steps(server.client(), cluster, **{"judge-1": "CANCELLED"})


def test_a_step_on_a_closed_cluster_names_the_remedy(server, logs):
    cluster = emr_api.open_cluster(request(logs))
    emr_api.close_clusters(NAME)
    wait_for_cluster(server.client(), cluster, "TERMINATED")

    with pytest.raises(UsageError, match="clear the task open_cluster"):
        emr_api.submit_step(cluster, shell_step("judge-1", "true"))


def test_emr_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_EMR", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setitem(aws.RETRIES, "emr", {"max_attempts": 1})

    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:9"):
        emr_api.find_clusters(NAME)


def test_a_missing_log_is_no_error(tmp_path):
    assert emr_api.log_tail(str(tmp_path / "steps" / "s-1" / "stderr.gz")) == ""
