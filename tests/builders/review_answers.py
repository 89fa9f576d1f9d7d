"""Gives Airflow's operator the answers of a JSON file, each to a review of its own, and prints what became of each.

A program of its own (``python review_answers.py ANSWERS.json``): the test process never imports Airflow's operators.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path


class Task:
    """Keeps what a task hands on."""

    def __init__(self):
        self.kept = {}

    def xcom_push(self, key, value):
        self.kept[key] = value


def main(path):
    from reprise.lifecycle.review import ReviewOperator

    class Asked(ReviewOperator):
        def ask_again(self, context):
            return "asked again"

    found = {}
    for name, answer in json.loads(Path(path).read_text()).items():
        task = Task()
        event = {"responded_at": datetime.now(UTC), **answer}
        try:
            said = Asked(task_id="review").execute_complete({"ti": task}, event)
        except Exception as error:
            said = f"red: {error!r}"
        taken = said if isinstance(said, str) else said["params_input"]
        found[name] = {"taken": taken, "kept": task.kept.get("answer")}
    print(json.dumps(found, default=str))


if __name__ == "__main__":
    main(sys.argv[1])
