"""What a home tells its processes and its user."""

from __future__ import annotations

import stat
import subprocess

import pytest

from reprise.connections import connection
from reprise.errors import UsageError
from reprise.sandbox.home import DEFAULT_PORTS, Home


@pytest.fixture
def quiet(tmp_path, monkeypatch):
    """A home whose variables are the only ones of their kind."""
    for service in DEFAULT_PORTS:
        monkeypatch.delenv(f"REPRISE_{service.upper()}_PORT", raising=False)
    monkeypatch.setenv("REPRISE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_ports_come_from_the_environment(quiet, monkeypatch):
    monkeypatch.setenv("REPRISE_SOLR_PORT", "42099")

    home = Home.from_environment()

    assert dict(home.ports) == {**DEFAULT_PORTS, "solr": 42099}
    assert home.url("solr") == "http://127.0.0.1:42099/solr"


@pytest.mark.parametrize("text", ["eighty", "0", "65536", "-1"])
def test_a_port_that_is_none_is_named(quiet, monkeypatch, text):
    monkeypatch.setenv("REPRISE_S3_PORT", text)

    with pytest.raises(UsageError, match=f"REPRISE_S3_PORT is '{text}'"):
        Home.from_environment()


def test_secrets_and_log_ins_are_random_kept_and_private(quiet, tmp_path):
    first, again, other = Home(quiet), Home(quiet), Home(tmp_path / "other")

    assert dict(first.secrets) == dict(again.secrets)
    assert dict(first.passwords) == dict(again.passwords)
    assert not set(first.secrets.values()) & set(other.secrets.values())
    assert {"admin", "mira"} == set(first.passwords)
    files = [quiet / "secrets.json", quiet / "airflow" / "passwords.json", first.write_env_file()]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3


def test_a_shell_that_sources_env_knows_the_three_connections(quiet, monkeypatch):
    home = Home(quiet)
    lines = subprocess.run(
        ["sh", "-c", f". {home.write_env_file()} && env -0"], capture_output=True, text=True, check=True
    ).stdout.split("\0")
    told = dict(line.split("=", 1) for line in lines if line)
    for name, value in home.client_environment().items():
        assert told[name] == value
        monkeypatch.setenv(name, told[name])

    found = [connection(service).uri for service in ("solr", "mlflow", "lake")]
    assert [home.url("solr"), home.url("mlflow"), "s3://reprise-lake"] == found


def test_nothing_of_a_developers_own_cloud_reaches_a_service(quiet, monkeypatch):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AIRFLOW__CORE__EXECUTOR", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "production")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    environment = Home(quiet).process_environment()

    assert "production" not in environment.values()
    assert "PYTHONDONTWRITEBYTECODE" not in environment
