"""
### What listeners did lately, in front of the live model

Rankers read fields of Solr's documents that say how an item was played, skipped and saved in the last weeks. This
writes them as of the newest closed day, in place, for every field that the live, the previous or a staged release
reads. Searches go on meanwhile.

**Steps, in order**

- `plan`: the day, and the fields; with no release that reads behaviour the run ends here, green
- `open_cluster`: one EMR cluster for this run
- `extract`: days that have no daily statistics yet
- `check_logs`: a day whose logs are out of band is not published
- `behaviour`: the day's values into the lake, by the same formulas that training uses
- `close_cluster`: whatever happened before
- `publish`: Solr's own values are compared with the day's; where their spread moved too far nothing is written;
  else what differs is written, one commit at the end. Frequent searches are sent all along: their latency and errors,
  before and meanwhile, are in `runs/<run>/published.json` in the lake
- `finish`: nothing is left running; how the run ended is recorded

**Form**: *deployment*; *day* (empty: the newest closed day; any earlier one can be published again); *even if out of
band*; *reason*.

**Endings**: *published*; *held back* (values out of band: what is served stays); *bad logs*; *nothing to do*:
all green. Red: something broke; what was written so far stays, and the next run completes it, since it compares with
Solr itself.

**Schedule**: daily 04:00 UTC; paused until you unpause it.

**To roll back**: trigger it with an earlier *day*.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, chain

from reprise.lifecycle import tasks
from reprise.lifecycle.emr import CloseClusterOperator, OpenClusterOperator, StepOperator
from reprise.lifecycle.ending import FinishOperator
from reprise.lifecycle.params import publish_params
from reprise.lifecycle.policy import DEFAULT_ARGS, PUBLISH_TIMEOUT

with DAG(
    "publish_features",
    description="What listeners did lately, in front of the live model",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 4 * * *", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    dagrun_timeout=PUBLISH_TIMEOUT,
    default_args=DEFAULT_ARGS,
    params=publish_params(),
    tags=["reprise", "release"],
):
    plan = tasks.plan_publish()
    open_cluster = OpenClusterOperator(task_id="open_cluster")
    extract = StepOperator(task_id="extract")
    check_logs = tasks.check_logs()
    behaviour = StepOperator(task_id="behaviour")
    close_cluster = CloseClusterOperator(task_id="close_cluster")
    publish = tasks.publish()
    finish = FinishOperator(task_id="finish")

    # `behaviour → publish` is the only edge out of the bracket: nothing depends on close_cluster, a teardown.
    chain(plan, open_cluster, extract, check_logs, behaviour, close_cluster)
    chain(behaviour, publish)
    [publish, close_cluster] >> finish

    close_cluster.as_teardown(setups=open_cluster, on_failure_fail_dagrun=True)
    finish.as_teardown(on_failure_fail_dagrun=True)
