"""Buttons on a task that lead to its MLflow run, its Solr model and its step's logs.

A task pushes the address under the link's key; a link without one is greyed out by Airflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import Context

MLFLOW_URL, SOLR_URL, LOGS_URL = "mlflow_url", "solr_url", "logs_url"
T = TypeVar("T")


class _PushedLink(BaseOperatorLink):
    """A link whose address the task itself pushed."""

    key = ""

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address pushed under ``key``, or nothing."""
        from airflow.sdk.execution_time.xcom import XCom

        return str(XCom.get_value(ti_key=ti_key, key=self.key) or "")


class MlflowRunLink(_PushedLink):
    """To the MLflow run that this task recorded in."""

    name = "MLflow run"
    key = MLFLOW_URL


class SolrModelLink(_PushedLink):
    """To the model as Solr stores it."""

    name = "Solr model"
    key = SOLR_URL


class StepLogsLink(_PushedLink):
    """To the folder of the EMR step's logs."""

    name = "EMR step logs"
    key = LOGS_URL


LINKS = (MlflowRunLink(), SolrModelLink(), StepLogsLink())


def push(context: Context, **addresses: str) -> None:
    """Keep the addresses that are known, under the links' keys."""
    for key, address in addresses.items():
        if address:
            context["ti"].xcom_push(key=key, value=address)


def linked(task: T, *links: BaseOperatorLink) -> T:
    """Return the task with these buttons on it."""
    operator: Any = getattr(task, "operator", task)
    operator.operator_extra_links = links
    return task
