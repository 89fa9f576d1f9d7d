"""Runs the real graphs with other bodies, one run per ending, and prints what became of each.

A program of its own (``python retrain_graph.py DAGS_FOLDER``), so that Airflow's own home, database and warnings
stay out of the test process. The graph, its operators' skipping and branching, teardowns and trigger rules are the
real ones; only what a task *does* is replaced.
"""

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime

FAMILIES = ["linear", "lambdamart"]
TASKS = (
    "plan", "open_cluster", "extract", "check_logs", "judge", "featurize", "train", "evaluate", "close_cluster",
    "gate", "reject", "upload", "verify", "review", "promote", "finish",
)  # fmt: skip
#: Ending → what a task's body answers where it is not the happy one.
ENDINGS = {
    "success": {},
    "gate says no": {"gate": "reject"},
    "Solr says no": {"verify": False},
    "review rejects": {"review": "Reject"},
    "review expires": {"review": "nobody"},
    "logs are bad": {"check_logs": False},
    **{f"crash in {task}": {task: RuntimeError} for task in TASKS if task != "reject"},
    "crash in reject": {"gate": "reject", "reject": RuntimeError},
}
#: The same of `publish_features`.
PUBLISH_TASKS = (
    "plan", "open_cluster", "extract", "check_logs", "behaviour", "close_cluster", "publish", "finish",
)  # fmt: skip
PUBLISH_ENDINGS = {
    "success": {},
    "logs are bad": {"check_logs": False},
    "nothing to do": {"plan": "skip"},
    **{f"crash in {task}": {task: RuntimeError} for task in PUBLISH_TASKS},
}
GRAPHS = {"retrain": ENDINGS, "publish_features": PUBLISH_ENDINGS}
HAPPY = {"plan": FAMILIES, "check_logs": True, "gate": "upload", "verify": True, "review": "Approve"}


def body(task_id, answers):
    answer = {**HAPPY, **answers}.get(task_id)
    if answer is RuntimeError:
        raise RuntimeError(f"{task_id} was told to crash")
    if answer == "skip":
        from airflow.sdk.exceptions import AirflowSkipException

        raise AirflowSkipException
    return answer


def replace_bodies(dag, answers):
    """Give every task of the graph another body; operators keep their own way of branching and skipping."""
    from reprise.lifecycle.emr import CloseClusterOperator, OpenClusterOperator, StepOperator
    from reprise.lifecycle.ending import FinishOperator
    from reprise.lifecycle.review import ReviewOperator

    def execute(self, context):
        return body(self.task_id, answers)

    def review(self, context):
        answer = body("review", answers)
        event = {
            "chosen_options": ["Reject" if answer == "nobody" else answer],
            "params_input": {"comment": "too few devotional songs", "report": "0123456789abcdef"},
            "responded_at": datetime.now(UTC),
            "responded_by_user": None if answer == "nobody" else {"id": "mira", "name": "mira"},
        }
        return self.execute_complete(context, event)

    for operator in (CloseClusterOperator, OpenClusterOperator, StepOperator):
        operator.execute = execute
    ReviewOperator.execute = review
    FinishOperator.finish = lambda self, context: execute(self, context) or {}
    for task_id, task in dag.task_dict.items():
        if hasattr(task, "python_callable"):
            task.python_callable = lambda task_id=task_id: body(task_id, answers)
        if hasattr(task, "partial_kwargs"):
            task.partial_kwargs["retries"] = 0
        else:
            task.retries = 0


def main(dags_folder):
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = dags_folder
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    logging.disable(logging.CRITICAL)
    initdb()
    dags = DagBag(dags_folder).dags
    # dag.test() sleeps a second for each wave of upstream_failed.
    time.sleep = lambda seconds: None
    results = {dag_id: {} for dag_id in GRAPHS}
    for dag_id, name, answers in [
        (d, name, answers) for d, all_of in GRAPHS.items() for name, answers in all_of.items()
    ]:
        replace_bodies(dags[dag_id], answers)
        run = dags[dag_id].test()
        tasks = {}
        for ti in run.get_task_instances():
            tasks.setdefault(ti.task_id, []).append(str(ti.state))
        results[dag_id][name] = {"colour": "green" if run.state == "success" else "red", "tasks": tasks}
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
