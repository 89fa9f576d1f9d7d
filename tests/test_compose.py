"""docker-compose.yaml: the demo stack in containers, as far as it can be checked without Docker."""

import re
from pathlib import Path

import pytest
import yaml

from reprise.errors import UsageError
from reprise.sandbox.home import DEFAULT_PORTS, Home
from reprise.sandbox.serve import serve
from reprise.sandbox.services import SERVICES

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
OURS = {name: s for name, s in COMPOSE["services"].items() if s["image"].startswith("reprise")}


def test_it_is_the_whole_demo_stack():
    """One service for each process that runs on one machine; Solr is the official image."""
    parts = {"postgres", "airflow-init", "airflow-apiserver", "airflow-scheduler", "airflow-dag-processor"}
    parts |= {"airflow-triggerer", "mlflow", "solr", "s3", "emr"}

    assert parts <= set(COMPOSE["services"])
    assert COMPOSE["services"]["solr"]["image"].startswith("solr:")
    assert "slim" not in COMPOSE["services"]["solr"]["image"]
    assert COMPOSE["services"]["solr"]["environment"]["SOLR_MODULES"] == "ltr"


def test_every_service_of_ours_runs_a_process_that_up_starts_too(tmp_path):
    """The same entry points as on one machine, or a one-time job."""
    home = Home(tmp_path)
    (tmp_path / "solr").mkdir()
    processes = {name for key in ("s3", "emr", "mlflow", "airflow") for name in SERVICES[key].commands(home)}
    jobs = {"secrets", "airflow-init", "settle"}
    commands = {service["command"][0] for service in OURS.values()}

    assert commands == processes | jobs


def test_an_unknown_process_is_named(tmp_path):
    """The container ends with one line that lists what there is."""
    with pytest.raises(UsageError, match="no process 'sql'"):
        serve(Home(tmp_path), "sql")


def test_ports_are_published_on_this_machine_only():
    """Nothing is reachable from outside."""
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]

    assert len(ports) == 3
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_there_is_no_secret_in_the_file_and_state_is_in_named_volumes():
    """Passwords are files in a volume; a folder of the host is never mounted."""
    mounts = [m.split(":")[0] for s in COMPOSE["services"].values() for m in s.get("volumes", [])]

    assert set(mounts) == set(COMPOSE["volumes"])
    for name, service in COMPOSE["services"].items():
        literal = {k: v for k, v in service.get("environment", {}).items() if re.search("PASSWORD|SECRET|KEY", k)}
        assert all(value.startswith("/state/") for value in literal.values()), name


def test_who_waits_for_whom_exists_and_ends():
    """Each dependency is a service, and one-time jobs are waited for to their end."""
    for name, service in COMPOSE["services"].items():
        for other, how in service.get("depends_on", {}).items():
            once = COMPOSE["services"][other].get("restart") == "no"
            assert (how["condition"] == "service_completed_successfully") == once, f"{name} waits for {other}"
            if how["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE["services"][other]


def test_mlflow_is_asked_what_a_client_would_ask():
    """/health answers even where every client is refused for its Host header."""
    assert "/api/2.0/mlflow/experiments/search" in str(COMPOSE["services"]["mlflow"]["healthcheck"]["test"])


def test_other_host_names_reach_every_address(tmp_path, monkeypatch):
    """What compose sets is what clients and servers are told."""
    for service in DEFAULT_PORTS:  # a port that other tests serve at is none of compose's
        monkeypatch.delenv(f"REPRISE_{service.upper()}_PORT", raising=False)
    for key, value in COMPOSE["x-reprise"]["environment"].items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("REPRISE_HOME", str(tmp_path))
    home = Home.from_environment()
    told = home.client_environment()

    assert "http://solr:8983/solr" in told["AIRFLOW_CONN_REPRISE_SOLR"]
    assert told["AWS_ENDPOINT_URL_S3"] == "http://s3:19000"
    assert told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].startswith("postgresql+psycopg2://reprise:")
    assert told["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("@postgres/airflow")
    assert told["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://airflow-apiserver:8080/execution/"
    assert told["AIRFLOW__API__HOST"] == "0.0.0.0"
    mlflow = SERVICES["mlflow"].commands(home)["mlflow"]
    assert "mlflow:5000" in mlflow[mlflow.index("--allowed-hosts") + 1]


def test_the_image_is_made_from_the_lock():
    """Hashes are demanded, and what is copied exists."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [w for line in re.findall(r"^COPY (.+)$", dockerfile, re.M) for w in line.split()[:-1]]

    assert "--require-hashes -r requirements.txt" in dockerfile
    assert [path for path in copied if not (ROOT / path).exists()] == []
