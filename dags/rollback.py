"""
### Put an earlier ranking back

One write to Solr makes an earlier release live again. Nothing is uploaded, reloaded or computed.

**Steps**

- `rollback`: switches the live pointer to the release asked for and reads it back on every replica; then moves the
  MLflow aliases, which only mirror Solr

**Form**: *deployment*; *to release* (empty: the previous one; 0: the engine's own order, always possible); *reason*.

**Endings**: green: that release is live; the log and the task's result name replicas that were away, and say where the
copies in MLflow and the lake are behind. Red: the message says what Solr answered.

**Schedule**: none; by hand only. With Airflow down, `reprise release rollback <deployment>` does the same.

**To roll back a rollback**: run it again with the other release's number.
"""

from airflow.sdk import DAG

from reprise.lifecycle import tasks
from reprise.lifecycle.links import MlflowRunLink, SolrModelLink, linked
from reprise.lifecycle.params import rollback_params
from reprise.lifecycle.policy import DEFAULT_ARGS, ROLLBACK_TIMEOUT

with DAG(
    "rollback",
    description="Put an earlier ranking back",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=ROLLBACK_TIMEOUT,
    default_args=DEFAULT_ARGS,
    params=rollback_params(),
    tags=["reprise", "release"],
):
    linked(tasks.rollback(), MlflowRunLink(), SolrModelLink())
