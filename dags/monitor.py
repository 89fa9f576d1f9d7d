"""
### How the service does under what is live

A look a day, from daily summaries and what Solr serves. Nothing in Solr is changed.

**Steps**

- `monitor`: the consumption score of the search and what listeners did, each beside its median of the 28 days before;
  the age of the live model, in log time; the behaviour that Solr serves to it: how old, what share of documents holds
  another value than was published, how far it has moved since the model learned; every replica; the copies in MLflow
  and the lake, which are mended where they disagree with Solr. What was seen is `monitor/<day>.json` in the lake
- `retrain`: triggers the DAG `retrain` where something has drifted, once; skipped where nothing new has, where a
  retrain has just ended, and where the DAG `retrain` is paused

**Form**: *deployment*.

**Endings**: green, whatever was seen: alarms and drift are in the log and in the task's result, and are told by e-mail
or chat where a connection says so. Red: Solr or the lake could not be asked.

**Schedule**: daily 06:00 UTC; paused until you unpause it.

**To roll back**: there is nothing to take back; what it found may be a reason to trigger `rollback`.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable

from reprise.lifecycle import tasks
from reprise.lifecycle.on_drift import RetrainOnDriftOperator
from reprise.lifecycle.params import monitor_params
from reprise.lifecycle.policy import DEFAULT_ARGS, ROLLBACK_TIMEOUT

with DAG(
    "monitor",
    description="How the service does under what is live",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 6 * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    dagrun_timeout=ROLLBACK_TIMEOUT,
    default_args=DEFAULT_ARGS,
    params=monitor_params(),
    tags=["reprise", "release"],
):
    tasks.monitor() >> RetrainOnDriftOperator(task_id="retrain")
