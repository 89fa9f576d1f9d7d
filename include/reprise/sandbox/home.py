"""Where one machine's state lives, which ports its services have, and what every process is told about them.

State is under ``$REPRISE_HOME`` (default: ``.reprise`` beside the code) and ports are ``$REPRISE_<SERVICE>_PORT``,
so that a test run or a second clone stands beside a running demo. Secrets are drawn once and kept, mode 600.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reprise.errors import UsageError

HOST = "127.0.0.1"
LAKE = "s3://reprise-lake"
REGION = "us-east-1"
DEFAULT_PORTS = {"s3": 19000, "emr": 19001, "solr": 18983, "mlflow": 15000, "airflow": 18080}
USERS = {"admin": "admin", "mira": "user"}  # log-in → role


def repository_root() -> Path:
    """Return the checkout that this package is installed from: the folder of ``dags/`` and ``plugins/``."""
    return Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Home:
    """One sandbox: its folder, ports and secrets. Two homes share nothing but the jars."""

    root: Path
    ports: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_PORTS))
    hosts: Mapping[str, str] = field(default_factory=dict)  # only where services are apart, as in containers
    bind: str = HOST

    @classmethod
    def from_environment(cls) -> Home:
        """Return the home that the environment names; a port that is no number is a UsageError."""
        root = Path(os.environ.get("REPRISE_HOME") or repository_root() / ".reprise").absolute()
        ports, hosts = {}, {}
        for service, default in DEFAULT_PORTS.items():
            hosts[service] = os.environ.get(f"REPRISE_{service.upper()}_HOST") or HOST
            variable = f"REPRISE_{service.upper()}_PORT"
            text = os.environ.get(variable) or str(default)
            if not text.isdigit() or not 0 < int(text) < 65536:
                raise UsageError(f"{variable} is {text!r}", "set it to a port number, 1 to 65535")
            ports[service] = int(text)
        return cls(root, ports, hosts, os.environ.get("REPRISE_BIND") or HOST)

    def url(self, service: str) -> str:
        """Return a service's address, with ``/solr`` for Solr."""
        return f"http://{self.host(service)}:{self.ports[service]}" + ("/solr" if service == "solr" else "")

    def host(self, service: str) -> str:
        """Return the name under which clients find a service."""
        return self.hosts.get(service, HOST)

    def database(self, name: str, file: Path) -> str:
        """Return a database's address: the SQLite file, or Postgres where ``REPRISE_POSTGRES_HOST`` names one."""
        host = os.environ.get("REPRISE_POSTGRES_HOST")
        if not host:
            return f"sqlite:///{file}"
        return f"postgresql+psycopg2://reprise:{self.secrets['postgres']}@{host}/{name}"

    def folder(self, *parts: str) -> Path:
        """Return a folder under the home, made if absent."""
        path = self.root.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def log(self, process: str) -> Path:
        """Return the file that a process writes its output to."""
        return self.folder("logs") / f"{process}.log"

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """Random keys, drawn at first use and kept."""
        names = ("aws_access_key_id", "aws_secret_access_key", "jwt", "api", "fernet", "mark", "postgres")
        path = self.folder() / "secrets.json"
        if not path.exists():
            write_private(path, json.dumps({name: _draw(name) for name in names}))
        return json.loads(path.read_text(encoding="utf-8"))

    @cached_property
    def passwords(self) -> Mapping[str, str]:
        """Airflow's log-ins: user → password, random and kept."""
        path = self.folder("airflow") / "passwords.json"
        if not path.exists():
            write_private(path, json.dumps({user: secrets.token_urlsafe(12) for user in USERS}))
        return json.loads(path.read_text(encoding="utf-8"))

    def client_environment(self) -> dict[str, str]:
        """Return what a program needs to talk to this sandbox: connections, endpoints, credentials."""
        return {
            "REPRISE_HOME": str(self.root),
            **{f"REPRISE_{service.upper()}_PORT": str(port) for service, port in self.ports.items()},
            "AIRFLOW_CONN_REPRISE_SOLR": _connection("http", self.url("solr")),
            "AIRFLOW_CONN_REPRISE_MLFLOW": _connection("http", self.url("mlflow")),
            "AIRFLOW_CONN_REPRISE_LAKE": _connection("generic", LAKE),
            "AWS_ENDPOINT_URL_S3": self.url("s3"),
            "AWS_ENDPOINT_URL_EMR": self.url("emr"),
            "AWS_ACCESS_KEY_ID": self.secrets["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.secrets["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": REGION,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "AIRFLOW_HOME": str(self.folder("airflow")),
            **self._airflow_settings(),
        }

    def _airflow_settings(self) -> dict[str, str]:
        """Everything that differs from Airflow's defaults, as its own environment variables."""
        airflow = self.folder("airflow")
        settings = {
            "core.dags_folder": repository_root() / "dags",
            "core.plugins_folder": repository_root() / "plugins",
            "core.load_examples": False,
            "core.executor": "LocalExecutor",
            "core.parallelism": 4,
            "core.fernet_key": self.secrets["fernet"],
            "core.execution_api_server_url": f"{self.url('airflow')}/execution/",
            "core.simple_auth_manager_users": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "core.simple_auth_manager_passwords_file": airflow / "passwords.json",
            "database.sql_alchemy_conn": self.database("airflow", airflow / "airflow.db"),
            "scheduler.scheduler_idle_sleep_time": 0.3,  # 1 s of sleep between two tasks is most of a short run
            "workers.min_heartbeat_interval": 1,  # every other worker notices its task's end only when it beats
            "api.base_url": self.url("airflow"),
            "api.host": self.bind,
            "api.port": self.ports["airflow"],
            "api.workers": 1,
            "api.secret_key": self.secrets["api"],
            "api_auth.jwt_secret": self.secrets["jwt"],
            "usage_data_collection.enabled": False,
        }
        return {f"AIRFLOW__{key.replace('.', '__').upper()}": str(value) for key, value in settings.items()}

    def process_environment(self) -> dict[str, str]:
        """Return the whole environment of a service: the caller's, without anything that could lead elsewhere.

        A developer's own AWS profile, Airflow or MLflow settings must not reach the sandbox; the mark lets
        ``down`` recognise what descends from this home's services even after their parent died.
        """
        foreign = ("AWS_", "AIRFLOW_", "MLFLOW_", "SPARK_", "HADOOP_", "JAVA_TOOL_OPTIONS", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        ours = {
            "REPRISE_SANDBOX_MARK": self.secrets["mark"],
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight idle processes, a gigabyte
        }
        return {**kept, **self.client_environment(), **ours}

    def write_env_file(self) -> Path:
        """Write ``env``, to be sourced by a shell or read by compose; return its path."""
        path = self.folder() / "env"
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.client_environment().items()]
        write_private(path, "\n".join(lines) + "\n")
        return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, complete or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def _draw(name: str) -> str:
    if name == "fernet":
        from base64 import urlsafe_b64encode

        return urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(10 if name == "aws_access_key_id" else 24)


def _connection(kind: str, host: str) -> str:
    return json.dumps({"conn_type": kind, "host": host})
