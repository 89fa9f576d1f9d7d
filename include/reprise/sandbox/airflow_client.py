"""Airflow's REST API as the demo and the tests use it: as a person would, with a log-in of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from reprise.errors import ServiceError

ENDED = {"success", "failed"}


class AirflowClient:
    """One log-in at one Airflow; every call is what the UI does behind its buttons."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=30.0)
        #: What the log-in gave: a browser carries it as the cookie ``_token``.
        self.token = str(
            self._call("POST", "/auth/token", json={"username": user, "password": password})["access_token"]
        )
        self._http.headers["Authorization"] = f"Bearer {self.token}"

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run a DAG; they are paused when first seen."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": False})

    def wait_for_dag(self, dag_id: str, timeout_s: float = 60.0) -> None:
        """Return once the DAG processor has parsed a DAG; on time-out, say what failed to import."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._http.get(f"/api/v2/dags/{dag_id}").status_code == 200:
                return
            time.sleep(0.5)
        errors = self._call("GET", "/api/v2/importErrors")["import_errors"]
        trace = errors[0]["stack_trace"].strip().splitlines()[-1] if errors else "no import error is recorded"
        raise ServiceError(
            f"Airflow at {self.url} knows no DAG {dag_id!r} after {timeout_s:.0f} s: {trace}", "mend the DAG file"
        )

    def trigger(self, dag_id: str, conf: dict[str, Any]) -> str:
        """Start a run with these Params and return its run id."""
        body = {"logical_date": None, "conf": conf}
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """Return the run's state: queued, running, success or failed."""
        return str(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the run's task instances: task_id, map_index, state, start_date, end_date, try_number."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self._call("GET", path, params={"limit": 200})["task_instances"])

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task handed on, or None."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        answer = self._http.get(path, params={"deserialize": "false"})
        return answer.json().get("value") if answer.status_code == 200 else None

    def waiting_reviews(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the reviews of a run that wait for an answer."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/hitlDetails"
        return list(self._call("GET", path, params={"response_received": "false"})["hitl_details"])

    def answer_review(self, dag_id: str, run_id: str, task_id: str, option: str, comment: str) -> None:
        """Answer a review with an option and a comment, as the logged-in person; the form's other fields stay."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
        form = self._call("GET", path)["params"] or {}
        unchanged = {name: field["value"] for name, field in form.items()}
        given = {**unchanged, "comment": comment}
        self._call("PATCH", path, json={"chosen_options": [option], "params_input": given})

    def clear(self, dag_id: str, run_id: str, task_ids: list[str], downstream: bool = True) -> None:
        """Clear tasks of a run, so that they run again."""
        body = {
            "dry_run": False, "dag_run_id": run_id, "task_ids": task_ids, "include_downstream": downstream,
            "only_failed": False, "reset_dag_runs": True,
        }  # fmt: skip
        self._call("POST", f"/api/v2/dags/{dag_id}/clearTaskInstances", json=body)

    def wait(
        self, dag_id: str, run_id: str, patience_s: float, watch: Callable[[list[dict[str, Any]]], None] | None = None
    ) -> str:
        """Return the run's end state; ``watch`` sees the task instances about once a second.

        A machine may be slow, so what runs out is not the run's time but the time in which no task changes its state.
        """
        seen, deadline = None, 0.0
        while True:
            tasks = self.tasks(dag_id, run_id)
            states = sorted((task["task_id"], task["map_index"], str(task["state"])) for task in tasks)
            if states != seen:
                seen, deadline = states, time.monotonic() + patience_s
            if watch:
                watch(tasks)
            state = self.run_state(dag_id, run_id)
            if state in ENDED:
                return state
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"nothing has happened in {dag_id} run {run_id} for {patience_s:.0f} s",
                    f"look at {self.url}/dags/{dag_id}/runs/{run_id}",
                )
            time.sleep(0.7)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        try:
            answer = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise ServiceError(
                f"Airflow at {self.url} does not answer: {error}", "start it with `reprise sandbox up`"
            ) from error
        if answer.status_code >= 400:
            raise ServiceError(
                f"Airflow refused {method} {path}: {answer.status_code} {answer.text[:300]}", "see its log"
            )
        return answer.json() if answer.content else None
