"""Runs the real graph of `monitor` with another look, and prints which retrains it made (``python … DAGS_FOLDER``)."""

import json
import logging
import os
import sys

SEEN = {"deployment": "ubi", "day": "2024-05-03", "alarms": [], "drifted": ["plays 3, usually 9"], "asks": True}
LOOKS = (
    ("nothing new", {**SEEN, "asks": False}, False),
    ("paused", SEEN, True),
    ("drifted", SEEN, False),
    ("the same day again", SEEN, False),
    ("the next day", {**SEEN, "day": "2024-05-04"}, False),
)


def main(dags_folder):
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = dags_folder
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models import DagModel, DagRun
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    logging.disable(logging.CRITICAL)
    initdb()
    DagBundlesManager().sync_bundles_to_db()
    bag = DagBag(dags_folder)
    sync_bag_to_db(bag, "dags-folder", None)
    monitor = bag.dags["monitor"]
    results = {}
    for name, seen, paused in LOOKS:
        with create_session() as session:
            session.query(DagModel).filter(DagModel.dag_id == "retrain").update({"is_paused": paused})
        monitor.get_task("monitor").python_callable = lambda seen=seen: seen
        states = {ti.task_id: str(ti.state) for ti in monitor.test().get_task_instances()}
        with create_session() as session:
            runs = {run.run_id: run.conf for run in session.query(DagRun).filter(DagRun.dag_id == "retrain")}
        results[name] = {"task": states["retrain"], "runs": runs}
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
