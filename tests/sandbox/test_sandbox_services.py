"""MLflow and Airflow as the sandbox runs them."""

from __future__ import annotations

import httpx
import psutil
import pytest

from reprise.sandbox import processes, supervisor

pytestmark = pytest.mark.services


def test_mlflow_keeps_metrics_and_proxies_artifacts(mlflow_server):
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server)
    run = client.create_run(client.create_experiment("sandbox"))
    client.log_metric(run.info.run_id, "ndcg_at_10", 0.5)
    client.log_text(run.info.run_id, "kept", "note.txt")

    assert client.get_run(run.info.run_id).data.metrics == {"ndcg_at_10": 0.5}
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    assert [artifact.path for artifact in client.list_artifacts(run.info.run_id)] == ["note.txt"]


def test_mlflow_refuses_a_page_of_another_host(mlflow_server):
    answer = httpx.get(
        f"{mlflow_server}/api/2.0/mlflow/experiments/search",
        params={"max_results": 1},
        headers={"Host": "evil.example"},
    )

    assert answer.status_code == 403


@pytest.fixture(scope="module")
def airflow(home):
    supervisor.up(home, ["airflow"])
    return home.url("airflow")


def test_every_part_of_airflow_is_healthy(airflow):
    parts = httpx.get(f"{airflow}/api/v2/monitor/health").json()

    assert set(parts) == {"metadatabase", "scheduler", "triggerer", "dag_processor"}
    assert {"healthy"} == {part["status"] for part in parts.values()}


@pytest.mark.parametrize("user", ["admin", "mira"])
def test_log_ins_are_those_of_the_home_and_no_others(airflow, home, user):
    def log_in(password):
        return httpx.post(f"{airflow}/auth/token", json={"username": user, "password": password})

    assert log_in(home.passwords[user]).status_code == 201
    assert log_in("guess").status_code == 401
    assert httpx.get(f"{airflow}/api/v2/dags").status_code == 401


def test_a_users_role_may_not_change_the_configuration(airflow, home):
    body = {"username": "mira", "password": home.passwords["mira"]}
    token = httpx.post(f"{airflow}/auth/token", json=body).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    assert httpx.get(f"{airflow}/api/v2/dags", headers=headers).status_code == 200
    variable = {"key": "k", "value": "v"}
    assert httpx.post(f"{airflow}/api/v2/variables", headers=headers, json=variable).status_code == 403


def test_nothing_listens_beyond_this_machine(airflow, mlflow_server, s3, solr_url, home):
    mine = set()
    for record in processes.records(home):
        leader = record.leader()
        mine |= {leader.pid, *(child.pid for child in leader.children(recursive=True))}

    sockets = [
        entry for entry in psutil.net_connections("tcp") if entry.pid in mine and entry.status == psutil.CONN_LISTEN
    ]

    assert {home.ports[name] for name in ("airflow", "mlflow", "s3", "solr")} <= {entry.laddr.port for entry in sockets}
    assert {"127.0.0.1"} == {entry.laddr.ip.removeprefix("::ffff:") for entry in sockets}
