"""
### Raw logs into daily tables

Reads the raw logs of every closed day that has no tables yet, or whose files changed, and writes searches,
impressions, rejects and daily statistics. `retrain` does the same first; running it daily spreads the work.

**Steps, in order**

- `plan`: which days; a day is closed when the next one has logs in every source
- `open_cluster`: one EMR cluster for this run
- `extract`: one step does all days
- `check_logs`: measures each day beside the 28 before (`runs/<run>/logs/health.html` in the lake) and says whether it
  is in band; a day that is not stays extracted, and `retrain` won't learn from it
- `close_cluster`: whatever happened before
- `finish`: nothing is left running; how the run ended is recorded

**Form**: *deployment*; *from* and *to* make it a backfill of those days.

**Endings**: *extracted*, or *bad logs* (green; the task `check_logs` names the day and the number). Red: something
broke, and the days already published stay.

**Schedule**: daily 02:00 UTC; paused until you unpause it.

**To roll back**: nothing goes live here. A day whose raw files changed is rebuilt as a new version by the next run.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, chain

from reprise.lifecycle import tasks
from reprise.lifecycle.emr import CloseClusterOperator, OpenClusterOperator, StepOperator
from reprise.lifecycle.ending import FinishOperator
from reprise.lifecycle.params import extract_params
from reprise.lifecycle.policy import DEFAULT_ARGS, EXTRACT_TIMEOUT

with DAG(
    "extract",
    description="Raw logs into daily tables",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 2 * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    dagrun_timeout=EXTRACT_TIMEOUT,
    default_args=DEFAULT_ARGS,
    params=extract_params(),
    tags=["reprise", "lifecycle"],
):
    plan = tasks.plan_extract()
    open_cluster = OpenClusterOperator(task_id="open_cluster")
    extract = StepOperator(task_id="extract")
    check_logs = tasks.check_logs()
    close_cluster = CloseClusterOperator(task_id="close_cluster")
    finish = FinishOperator(task_id="finish")

    chain(plan, open_cluster, extract, check_logs, close_cluster, finish)

    close_cluster.as_teardown(setups=open_cluster, on_failure_fail_dagrun=True)
    finish.as_teardown(on_failure_fail_dagrun=True)
