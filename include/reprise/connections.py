"""Where Solr, MLflow and the lake are: Airflow's own connection variables, read without Airflow.

``AIRFLOW_CONN_REPRISE_{SOLR,MLFLOW,LAKE}`` and ``AWS_ENDPOINT_URL*`` are the only places with addresses and
secrets; on one machine ``.reprise/env`` sets them.
"""

from __future__ import annotations

import json
import os
from typing import Any, Literal

from pydantic import BaseModel, Field

from reprise.errors import RepriseError, UsageError


class Connection(BaseModel):
    """An address, with log-in if any; ``extra`` carries what is particular to the service."""

    uri: str
    login: str | None = None
    password: str | None = Field(None, repr=False)
    extra: dict[str, Any] = {}


def connection(service: Literal["solr", "mlflow", "lake", "chat", "mail"]) -> Connection:
    """Return where a service is, from ``AIRFLOW_CONN_REPRISE_<SERVICE>``: JSON, Airflow's own form.

    ``host`` may be a whole address (``http://…``, ``s3://…``); ``extra.urls`` lists Solr's replicas.
    """
    variable = f"AIRFLOW_CONN_REPRISE_{service.upper()}"
    text = os.environ.get(variable)
    if not text:
        raise UsageError(f"{variable} is not set", "run `reprise sandbox up` and `source .reprise/env`, or set it")
    try:
        fields = json.loads(text)
        host = fields["host"]
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{variable} is not a JSON connection with a host", 'set it to {"host": "…"}') from None
    if "://" not in host:
        port = f":{fields['port']}" if fields.get("port") else ""
        host = f"{fields.get('schema') or 'http'}://{host}{port}"
    extra = fields.get("extra") or {}
    extra = json.loads(extra) if isinstance(extra, str) else extra
    return Connection(uri=host.rstrip("/"), login=fields.get("login"), password=fields.get("password"), extra=extra)


def trouble(service: Literal["solr", "mlflow", "lake"]) -> str:
    """Return "" where a connection is set and its service answers, else what is wrong, in a line."""
    import httpx

    from reprise.objects import ObjectStore

    try:
        address = connection(service).uri
        if service == "lake":
            ObjectStore(address).list("bundles/")
            return ""
        path = {"solr": "/admin/info/system", "mlflow": "/version"}[service]
        answer = httpx.get(address + path, timeout=5.0)
    except RepriseError as error:
        return str(error)
    except httpx.HTTPError as error:
        return f"{address} does not answer: {error}"
    return "" if answer.status_code == 200 else f"{address}{path} answers {answer.status_code}"
