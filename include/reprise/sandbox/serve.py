"""One process in the foreground: what each container of ``docker-compose.yaml`` runs.

The commands are those that ``up`` starts side by side on one machine; a container only gives them another
``REPRISE_BIND`` and other host names.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from reprise.errors import ServiceError, UsageError
from reprise.sandbox.home import LAKE, Home, write_private
from reprise.sandbox.services import SERVICES, make_bucket
from reprise.sandbox.solr_server import render_configset
from reprise.settings import load_deployment

CONFIGSET = Path("/solr-configset/conf")


def serve(home: Home, name: str) -> None:
    """Become the process of that name, or do the one-time job of that name and return."""
    once = {"secrets": draw_secrets, "airflow-init": initialise, "settle": settle}
    if name in once:
        once[name](home)
        return
    service = SERVICES.get(name.partition("-")[0])
    commands = service.commands(home) if service else {}
    if service is None or name not in commands:
        raise UsageError(
            f"there is no process {name!r}", f"services are {', '.join(SERVICES)}; jobs are {', '.join(once)}"
        )
    service.prepare(home)
    argv = commands[name]
    os.execve(argv[0], argv, home.process_environment())


def draw_secrets(home: Home) -> None:
    """Ensure all secrets exist, Postgres's in a file of its own, and Solr's configset is in its volume."""
    write_private(home.folder() / "postgres-password", home.secrets["postgres"])
    # Postgres drops to a user of its own before it reads the file.
    (home.root / "postgres-password").chmod(0o644)
    if CONFIGSET.parent.is_dir():
        render_configset("9", CONFIGSET)


def initialise(home: Home) -> None:
    """Ensure both databases exist and Airflow's is migrated; print the log-ins."""
    _create_database(home, "mlflow")
    airflow = SERVICES["airflow"]
    airflow.prepare(home)
    for argv in airflow.first(home).values():
        if subprocess.run(argv, env=home.process_environment(), check=False).returncode:
            raise ServiceError(f"{' '.join(argv[-3:])} failed", "see the lines above")
    for user, password in home.passwords.items():
        print(f"Airflow log-in: {user} / {password}")


def settle(home: Home) -> None:
    """Ensure the lake, the bundle for EMR and release 0 exist, once the services answer."""
    from reprise import release
    from reprise.bundle import build_bundle, upload_bundle
    from reprise.solr.client import connect

    os.environ.update(home.client_environment())
    for name in ("s3", "solr"):
        _wait(home, name)
    make_bucket(home, LAKE.removeprefix("s3://"))
    with tempfile.TemporaryDirectory() as folder:
        upload_bundle(build_bundle(Path(folder)), LAKE)
    demo = load_deployment("demo").solr
    release.ensure_release_zero(connect(demo.core), demo.request)


def _wait(home: Home, name: str, patience_s: float = 120.0) -> None:
    deadline = time.monotonic() + patience_s
    while trouble := SERVICES[name].trouble(home):
        if time.monotonic() > deadline:
            raise ServiceError(f"{name} does not work after {patience_s:.0f} s: {trouble}", "see its container's log")
        time.sleep(1.0)


def _create_database(home: Home, name: str) -> None:
    import psycopg2

    address = home.database("airflow", home.root / "airflow.db").replace("+psycopg2", "")
    connection = psycopg2.connect(address)
    connection.autocommit = True  # a database cannot be made within a transaction
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{name}"')
    finally:
        connection.close()
