"""The API's form: what boto3 sends and reads back, EMR's pages and EMR's errors."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from builders.emr_server import EmrServer, shell_step, start_cluster, step_named, wait_for_cluster, wait_for_steps
from reprise.sandbox.emr.calls import ACTIONS

DOCS = Path(__file__).parents[2] / "docs" / "sandbox-emr.md"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = EmrServer(tmp_path_factory.mktemp("emr"))
    yield server
    server.stop()


@pytest.fixture
def emr(server):
    return server.client()


def post(server: EmrServer, action: str, body: str) -> httpx.Response:
    return httpx.post(server.url, content=body, headers={"X-Amz-Target": f"ElasticMapReduce.{action}"})


def test_the_documented_calls_are_the_implemented_calls():
    documented = re.findall(r"^\| `(\w+)` \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(documented) == sorted(ACTIONS)
    assert set(ACTIONS) <= set(get_session().get_service_model("emr").operation_names)


def test_answers_hold_nothing_that_emr_does_not_say(server, emr):
    """Every field of every answer is in EMR's own model, so no client depends on an invention of ours."""
    cluster = start_cluster(
        emr, shell_step("bad", "echo Broken: badly >&2; exit 3"), keep_alive=False, LogUri=f"{server.home}/logs",
        ReleaseLabel="emr-7.9.0", Applications=[{"Name": "Spark"}], Tags=[{"Key": "a", "Value": "b"}],
        Configurations=[{"Classification": "spark-defaults", "Properties": {"spark.x": "1"}}],
    )  # fmt: skip
    wait_for_cluster(emr, cluster, "TERMINATED")
    step = step_named(emr, cluster, "bad")["Id"]
    bodies = {
        "DescribeCluster": f'{{"ClusterId": "{cluster}"}}',
        "DescribeStep": f'{{"ClusterId": "{cluster}", "StepId": "{step}"}}',
        "ListSteps": f'{{"ClusterId": "{cluster}"}}',
        "ListClusters": "{}",
        "CancelSteps": f'{{"ClusterId": "{cluster}", "StepIds": ["{step}"]}}',
    }
    model = get_session().get_service_model("emr")

    for action, body in bodies.items():
        assert_in_shape(post(server, action, body).json(), model.operation_model(action).output_shape, action)


def assert_in_shape(value, shape, where):
    if shape.type_name == "structure":
        assert set() == set(value) - set(shape.members), where
        for name, inner in value.items():
            assert_in_shape(inner, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for inner in value:
            assert_in_shape(inner, shape.member, where)
    elif getattr(shape, "enum", None):
        assert value in shape.enum, where


def test_a_cluster_is_described_as_it_was_asked_for(server, emr):
    cluster = start_cluster(emr, Name="nightly", LogUri="s3n://logs/emr", ReleaseLabel="emr-7.9.0", protected=True)
    wait_for_cluster(emr, cluster, "WAITING")

    shown = emr.describe_cluster(ClusterId=cluster)["Cluster"]
    emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)
    emr.terminate_job_flows(JobFlowIds=[cluster])

    expected = {
        "Id": cluster, "Name": "nightly", "LogUri": "s3://logs/emr/", "ReleaseLabel": "emr-7.9.0",
        "AutoTerminate": False, "TerminationProtected": True, "StepConcurrencyLevel": 1,
    }  # fmt: skip
    assert expected == {name: shown[name] for name in expected}
    assert {"CreationDateTime", "ReadyDateTime"} == set(shown["Status"]["Timeline"])


@pytest.mark.parametrize(
    ("call", "arguments", "kind", "message"),
    [
        ("describe_cluster", {"ClusterId": "j-NO"}, "InvalidRequestException", "Cluster id 'j-NO' is not valid."),
        ("list_steps", {"ClusterId": "j-NO"}, "InvalidRequestException", "Cluster id 'j-NO' is not valid."),
        ("describe_step", {"ClusterId": "j-NO", "StepId": "s-1"}, "InvalidRequestException", "Cluster id 'j-NO'"),
        ("cancel_steps", {"ClusterId": "j-NO", "StepIds": ["s-1"]}, "InvalidRequestException", "Cluster id 'j-NO'"),
        ("add_job_flow_steps", {"JobFlowId": "j-NO", "Steps": []}, "ValidationException", "ID does not exist"),
        ("terminate_job_flows", {"JobFlowIds": ["j-NO"]}, "ValidationException", "ID does not exist"),
        ("list_clusters", {"Marker": "bad"}, "InvalidRequestException", "Marker 'bad' is not valid."),
        ("list_clusters", {"ClusterStates": ["SLEEPING"]}, "ValidationException", "'SLEEPING' at"),
    ],
)
def test_what_does_not_exist_is_refused_in_emrs_words(emr, call, arguments, kind, message):
    with pytest.raises(ClientError, match=message) as refusal:
        getattr(emr, call)(**arguments)

    assert kind == refusal.value.response["Error"]["Code"]
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_step_of_another_cluster_is_not_valid(emr):
    one, other = start_cluster(emr, shell_step("a", "true")), start_cluster(emr)
    step = step_named(emr, one, "a")["Id"]

    with pytest.raises(emr.exceptions.InvalidRequestException, match=f"Step id '{step}' is not valid."):
        emr.describe_step(ClusterId=other, StepId=step)

    emr.terminate_job_flows(JobFlowIds=[one, other])


@pytest.mark.parametrize(
    ("action", "body", "kind"),
    [
        ("PutAutoScalingPolicy", "{}", "UnknownOperationException"),
        ("RunJobFlow", "{", "SerializationException"),
        ("RunJobFlow", "[]", "SerializationException"),
        ("RunJobFlow", '{"Name": "no instances"}', "ValidationException"),
        ("RunJobFlow", '{"Name": "x", "Instances": {}, "Surprise": 1}', "ValidationException"),
    ],
)
def test_a_request_that_no_client_would_send_is_refused(server, action, body, kind):
    answer = post(server, action, body)

    assert (400, kind) == (answer.status_code, answer.json()["__type"])


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"AutoTerminationPolicy": {"IdleTimeout": 59}}, "from 60 to 604800"),
        ({"StepConcurrencyLevel": 257}, "from 1 to 256"),
        ({"StepConcurrencyLevel": 2, "Steps": [shell_step("a", "true", "CANCEL_AND_WAIT")]}, "ActionOnFailure"),
    ],
)
def test_a_cluster_that_emr_would_refuse_is_refused(emr, request_, message):
    with pytest.raises(ClientError, match=message):
        start_cluster(emr, **request_)


def test_pages_are_fifty_long_and_lose_nothing(emr):
    """51 steps behind one that waits: two pages, newest first, by marker and by boto3's own paginator."""
    cluster = start_cluster(emr, shell_step("first", "sleep 60"), *(shell_step(f"s{n}", "true") for n in range(50)))

    first = emr.list_steps(ClusterId=cluster)
    second = emr.list_steps(ClusterId=cluster, Marker=first["Marker"])
    paged = [s["Name"] for p in emr.get_paginator("list_steps").paginate(ClusterId=cluster) for s in p["Steps"]]
    wait_for_steps(emr, cluster, first="RUNNING")
    running = emr.list_steps(ClusterId=cluster, StepStates=["RUNNING"])["Steps"]
    emr.terminate_job_flows(JobFlowIds=[cluster])

    assert [step["Name"] for step in second["Steps"]] == ["first"]
    assert "Marker" not in second
    assert [*(f"s{n}" for n in reversed(range(50))), "first"] == paged
    assert [step["Name"] for step in running] == ["first"]


def test_clusters_are_paged_and_found_by_state_and_time(emr):
    made = [start_cluster(emr, keep_alive=False) for _ in range(51)]
    for cluster in made:
        wait_for_cluster(emr, cluster, "TERMINATED")
    since = emr.describe_cluster(ClusterId=made[0])["Cluster"]["Status"]["Timeline"]["CreationDateTime"]

    pages = list(
        emr.get_paginator("list_clusters").paginate(
            CreatedAfter=since.replace(microsecond=0), ClusterStates=["TERMINATED"]
        )
    )

    found = [cluster["Id"] for page in pages for cluster in page["Clusters"]]
    assert len(pages) > 1
    assert list(reversed(made)) == found[:51]
    assert emr.list_clusters(CreatedBefore=since.replace(year=2000))["Clusters"] == []


def test_throttling_is_what_boto3_retries(server):
    server.fault(throttle=2)
    with pytest.raises(ClientError, match="Rate exceeded") as refusal:
        server.client(attempts=1).list_clusters()
    clusters = server.client(attempts=3).list_clusters()["Clusters"]

    assert refusal.value.response["Error"]["Code"] == "ThrottlingException"
    assert clusters is not None
    assert httpx.get(f"{server.url}/_faults").json()["throttle"] == 0


def test_an_unknown_fault_is_refused(server):
    assert httpx.post(f"{server.url}/_faults", json={"earthquake": 1}).status_code == 400
