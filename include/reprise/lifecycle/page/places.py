"""Where the page finds things: a deployment's lake and Solr, and the plan of an Airflow run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reprise.connections import connection
from reprise.errors import UsageError
from reprise.settings import Deployment, digest_of, list_deployments, load_deployment

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.plan import Plan
    from reprise.solr.client import SolrClient

RETRAIN, ROLLBACK = "retrain", "rollback"


def deployment_of(name: str) -> Deployment:
    """Return a deployment by its name; never by a path, since the name comes from a browser."""
    if name not in list_deployments():
        raise UsageError(f"there is no deployment {name!r}", f"choose one of: {', '.join(list_deployments())}")
    return load_deployment(name)


def lake_of(name: str) -> Lake:
    """Return a deployment's lake."""
    from reprise.lake import Lake

    return Lake(f"{connection('lake').uri}/{deployment_of(name).name}")


def plan_of(name: str, run_id: str) -> Plan:
    """Return the plan of an Airflow run of the DAG ``retrain``."""
    from reprise.plan import read_plan

    return read_plan(f"{lake_of(name).uri}/runs/{digest_of([RETRAIN, run_id])}/plan.json")


@contextmanager
def solr_of(deployment: Deployment) -> Iterator[SolrClient]:
    """Open the Solr that a deployment serves from."""
    from reprise.solr.client import connect

    with connect(deployment.solr.core, deployment.solr.request.id_field) as client:
        yield client
