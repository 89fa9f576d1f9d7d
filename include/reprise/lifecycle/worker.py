"""What every task does on a worker: find the run's plan, and fail in one clear line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from reprise.errors import RepriseError, UsageError
from reprise.lifecycle.links import push
from reprise.lifecycle.records import Planned
from reprise.settings import digest_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from reprise.plan import Plan


#: The XCom key of `plan`'s record.
PLANNED = "planned"


def run_digest(dag_id: str, run_id: str) -> str:
    """Return the run's short name; the same Airflow run always has the same."""
    return digest_of([dag_id, run_id])


def hand_on(planned: Planned) -> list[str]:
    """Keep what later tasks look for, and return the families: Airflow maps over a task's result alone."""
    from airflow.sdk import get_current_context

    context = get_current_context()
    context["ti"].xcom_push(key=PLANNED, value=planned.to_dict())
    push(context, mlflow_url=planned.mlflow_url)
    return planned.families


def find_planned(context: Context) -> Planned | None:
    """Return what `plan` handed on, or None where it did not get so far."""
    fields = context["ti"].xcom_pull(task_ids="plan", key=PLANNED)
    return Planned.from_dict(fields) if fields else None


def planned(context: Context) -> Planned:
    """Return what `plan` handed on."""
    found = find_planned(context)
    if found is None:
        raise RepriseError("this run has no plan", "clear the task plan with its downstream")
    return found


def open_plan(context: Context) -> Plan:
    """Return the run's plan from the lake."""
    from reprise.plan import read_plan

    return read_plan(planned(context).uri)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Fail a task by the error's own line; wrong input is not tried again, anything else may be."""
    try:
        yield
    except UsageError as error:
        raise AirflowFailException(str(error)) from None
    except RepriseError as error:
        raise AirflowException(str(error)) from None
