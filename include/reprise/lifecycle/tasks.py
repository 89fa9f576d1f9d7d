"""The Python tasks of the graphs, one per word; each calls one function of the modules beside this one.

Their ids are their names. What they need they read from the plan and from earlier tasks' XComs, so that the edges
of a graph are exactly those its DAG file draws.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import get_current_context, task

from reprise.lifecycle.worker import hand_on, plain_failures


@task
def plan() -> list[str]:
    """Resolve dates, blocks, champion and definitions once; write plan.json; return the families to train."""
    from reprise.lifecycle.planning import plan_retrain

    with plain_failures():
        return hand_on(plan_retrain(get_current_context()))


@task(task_id="plan")
def plan_extract() -> list[str]:
    """Resolve which days to extract, and write plan.json."""
    from reprise.lifecycle.planning import plan_extract as body

    with plain_failures():
        return hand_on(body(get_current_context()))


@task(task_id="plan")
def plan_publish() -> list[str]:
    """Resolve the day and the fields that releases read, and write plan.json."""
    from reprise.lifecycle.publishing import plan_publish as body

    with plain_failures():
        return hand_on(body(get_current_context()))


@task.short_circuit(ignore_downstream_trigger_rules=True)
def check_logs() -> bool:
    """Ask whether the logs are healthy enough to learn from; where not, end the run here, green."""
    from reprise.lifecycle.releasing import check_logs as body

    with plain_failures():
        return body(get_current_context())


@task.branch
def gate() -> str:
    """Ask whether one candidate is proven; go on with ``upload``, or with ``reject``."""
    from reprise.lifecycle.releasing import gate as body

    with plain_failures():
        return "upload" if body(get_current_context()) else "reject"


@task
def reject() -> dict[str, Any]:
    """Record why no candidate went on."""
    from reprise.lifecycle.releasing import reject as body

    with plain_failures():
        return body(get_current_context())


@task
def upload() -> dict[str, Any]:
    """Put the candidate in Solr under names of its own, not live; register its MLflow version."""
    from reprise.lifecycle.releasing import upload as body

    with plain_failures():
        return body(get_current_context())


@task.short_circuit(ignore_downstream_trigger_rules=True)
def verify() -> bool:
    """Prove on every replica that Solr scores as the offline scorer does; where not, end the run here, green."""
    from reprise.lifecycle.releasing import verify as body

    with plain_failures():
        return body(get_current_context())


@task
def promote() -> dict[str, Any]:
    """Switch the live pointer, if live still is what the report compared with; then the mirrors."""
    from reprise.lifecycle.releasing import promote as body

    with plain_failures():
        return body(get_current_context())


@task
def rollback() -> dict[str, Any]:
    """Put an earlier release back with one write; then the mirrors."""
    from reprise.lifecycle.releasing import rollback as body

    with plain_failures():
        return body(get_current_context())


@task
def monitor() -> dict[str, Any]:
    """Look at what is live and how listeners do under it; mend copies, tell people."""
    from reprise.lifecycle.monitoring import monitor as body

    with plain_failures():
        return body(get_current_context())


@task
def select() -> dict[str, Any]:
    """Find the fewest features that a finished run's training set needs."""
    from reprise.lifecycle.selecting import select as body

    with plain_failures():
        return body(get_current_context())


@task
def publish() -> dict[str, Any]:
    """Write in Solr what differs from the day's values, with searches watched; or hold them back."""
    from reprise.lifecycle.publishing import publish as body

    with plain_failures():
        return body(get_current_context())
