"""
### From logs to a proven, approved, reversible ranking

Learns a new ranking from a service's own search and play logs, compares it query by query with what is live, and
lets it go live only if the gate finds it proven and the reviewers approve.

**Steps, in order**

- `plan`: resolves dates, blocks, champion and definitions once; everything later reads only that plan
- `open_cluster`: one EMR cluster for this run
- `extract`: raw logs of every closed day that lacks them become searches, impressions and daily statistics
- `check_logs`: days out of band end the run here, green; what it measured is in MLflow under *Artifacts → logs*
- `judge`: position bias and judgments
- `featurize`: the training set, with Solr's own features
- `train`: one task per ranker family, each a child run in MLflow
- `evaluate`: candidates, champion and baselines, query by query
- `close_cluster`: whatever happened before
- `gate`: proven → `upload`; refused or inconclusive → `reject`
- `upload`: the candidate is put in Solr under new names, *not live*
- `verify`: Solr scores it exactly as we do, fast enough, from the features that training saw; where not, the run ends
  here, green
- `review`: named people see the final report and approve or reject (or the policy does)
- `promote`: one write makes it live, if live still is what the report compared with
- `finish`: nothing is left running or half done; how the run ended, and which release is live, is recorded

**Form**: *deployment*, *as of*, *window*, *families*, *review*, *reason*. Every field may be left as it is.

**Endings**: *promoted*; *refused* and *inconclusive* (the gate's, before or after Solr was asked); *rejected* and
*expired* (the reviewers'); *superseded* (somebody else changed what is live); *bad logs*: all green. Red: something
broke. In every ending but *promoted* this run has not changed what is live, unless it broke after `promote` had
written. The record of every ending says which release is live and which was.

**Schedule**: Mondays 03:00 UTC, and where `monitor` finds drift; paused until you unpause it. Clear a task to repeat
it: what was published is not computed again.

**To roll back**: trigger the DAG `rollback`, or run `reprise release rollback <deployment>`, which needs only Solr.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, chain

from reprise.lifecycle import tasks
from reprise.lifecycle.emr import CloseClusterOperator, OpenClusterOperator, StepOperator
from reprise.lifecycle.ending import FinishOperator
from reprise.lifecycle.links import MlflowRunLink, SolrModelLink, linked
from reprise.lifecycle.params import retrain_params
from reprise.lifecycle.policy import DEFAULT_ARGS, RETRAIN_TIMEOUT
from reprise.lifecycle.review import ReviewOperator

with DAG(
    "retrain",
    description="From logs to a proven, approved, reversible ranking",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 3 * * 1", timezone="UTC", run_immediately=timedelta(0)),
    catchup=False,
    is_paused_upon_creation=True,
    max_active_runs=1,
    dagrun_timeout=RETRAIN_TIMEOUT,
    default_args=DEFAULT_ARGS,
    params=retrain_params(),
    tags=["reprise", "lifecycle"],
):
    plan = linked(tasks.plan(), MlflowRunLink())
    open_cluster = OpenClusterOperator(task_id="open_cluster")
    extract = StepOperator(task_id="extract")
    check_logs = tasks.check_logs()
    judge = StepOperator(task_id="judge")
    featurize = StepOperator(task_id="featurize")
    train = StepOperator.partial(task_id="train", map_index_template="{{ task.family }}").expand(family=plan)
    evaluate = StepOperator(task_id="evaluate")
    close_cluster = CloseClusterOperator(task_id="close_cluster")
    gate = linked(tasks.gate(), MlflowRunLink())
    reject = linked(tasks.reject(), MlflowRunLink())
    upload = linked(tasks.upload(), MlflowRunLink(), SolrModelLink())
    verify = linked(tasks.verify(), SolrModelLink())
    review = ReviewOperator(task_id="review")
    promote = linked(tasks.promote(), MlflowRunLink(), SolrModelLink())
    finish = FinishOperator(task_id="finish")

    # Inside the bracket: an open cluster. `evaluate → gate` is the only edge out of it: behind close_cluster, a
    # teardown, a run whose extract crashed would still reach promote.
    chain(plan, open_cluster, extract, check_logs, judge, featurize, train, evaluate, close_cluster)
    chain(evaluate, gate, [reject, upload])
    chain(upload, verify, review, promote)
    [reject, promote, close_cluster] >> finish

    close_cluster.as_teardown(setups=open_cluster, on_failure_fail_dagrun=True)
    finish.as_teardown(on_failure_fail_dagrun=True)
