"""The MLflow server: found by its connection, asked whether it is up before a client waits for it for minutes."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from reprise.connections import connection
from reprise.errors import ServiceError

if TYPE_CHECKING:
    from mlflow import MlflowClient


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than the question."""
    import httpx

    return httpx.create_ssl_context()


@contextmanager
def mlflow_client() -> Iterator[MlflowClient]:
    """Give a client of the connected server; a server that is down or refuses is a ServiceError with its address."""
    import httpx

    found = connection("mlflow")
    try:
        # Not /health: that answers even where the host check refuses every call.
        answer = httpx.get(
            f"{found.uri}/api/2.0/mlflow/experiments/search",
            params={"max_results": 1},
            timeout=10,
            auth=(found.login, found.password or "") if found.login else None,
            verify=_certificates(),
        )
    except httpx.HTTPError as error:
        raise ServiceError(
            f"MLflow at {found.uri} does not answer: {error}", "start it, or correct the MLflow connection"
        ) from None
    if not answer.is_success:
        raise ServiceError(
            f"MLflow at {found.uri} refuses ({answer.status_code}): {answer.text[:200]}",
            "check log-in and --allowed-hosts of the MLflow server",
        )
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    if found.login:
        os.environ["MLFLOW_TRACKING_USERNAME"] = found.login
        os.environ["MLFLOW_TRACKING_PASSWORD"] = found.password or ""
    try:
        yield MlflowClient(tracking_uri=found.uri, registry_uri=found.uri)
    except MlflowException as error:
        raise ServiceError(f"MLflow at {found.uri} refused: {error.message}", "see the MLflow server's log") from error
