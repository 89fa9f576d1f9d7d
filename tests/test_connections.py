"""Connections: Airflow's own variables, read without Airflow, and what is wrong with them in a line."""

import json

import pytest

from reprise.connections import connection, trouble
from reprise.errors import UsageError


def test_a_host_may_be_a_whole_address_or_parts(monkeypatch):
    """Both of Airflow's forms; extra may be text, as Airflow stores it."""
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_LAKE", json.dumps({"host": "s3://lake/"}))
    monkeypatch.setenv(
        "AIRFLOW_CONN_REPRISE_SOLR", json.dumps({"host": "solr", "port": 8983, "extra": json.dumps({"urls": ["u"]})})
    )

    assert connection("lake").uri == "s3://lake"
    assert connection("solr").uri == "http://solr:8983"
    assert connection("solr").extra == {"urls": ["u"]}


@pytest.mark.parametrize("text", [None, "", "not json", "{}", "[]"])
def test_a_missing_or_broken_connection_names_its_variable(monkeypatch, text):
    """The remedy is in the message."""
    monkeypatch.delenv("AIRFLOW_CONN_REPRISE_MLFLOW", raising=False)
    if text is not None:
        monkeypatch.setenv("AIRFLOW_CONN_REPRISE_MLFLOW", text)

    with pytest.raises(UsageError, match="AIRFLOW_CONN_REPRISE_MLFLOW"):
        connection("mlflow")
    assert "AIRFLOW_CONN_REPRISE_MLFLOW" in trouble("mlflow")


def test_a_dead_service_is_named_with_its_address(monkeypatch, tmp_path):
    """Nothing listens on port 9; a lake that is a folder answers."""
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_SOLR", json.dumps({"host": "http://127.0.0.1:9/solr"}))
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_LAKE", json.dumps({"host": f"file://{tmp_path}"}))

    assert "http://127.0.0.1:9/solr" in trouble("solr")
    assert trouble("lake") == ""
