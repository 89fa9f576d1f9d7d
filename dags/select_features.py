"""
### How few features does it take?

Takes the training set of a finished retrain and finds the fewest features that do within the loss that `selection` in
`gate.yaml` allows: train rows teach, validation rows decide, the test block is not looked at. What each subset costs a
search is measured in Solr; nothing there is left or changed.

**Steps**

- `select`: clusters, mRMR, stability selection, permutation importance, backward elimination by cost; a page and plots
  in MLflow under *Artifacts → selection* of the retrain's run

**Form**: *deployment*; *run* (empty: the newest with a training set); *adopt*: later retrains with `features: selected`
in `gate.yaml` learn from these features; *reason*.

**Endings**: green: the page is there. Red: the message says what is missing.

**Schedule**: none; by hand only.

**To roll back**: run it with another *run* and *adopt*, or say `features: all` in `gate.yaml`. What is live never
changes here.
"""

from airflow.sdk import DAG

from reprise.lifecycle import tasks
from reprise.lifecycle.links import MlflowRunLink, linked
from reprise.lifecycle.params import select_params
from reprise.lifecycle.policy import DEFAULT_ARGS, SELECT_TIMEOUT

with DAG(
    "select_features",
    description="How few features does it take?",
    doc_md=__doc__,
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    dagrun_timeout=SELECT_TIMEOUT,
    default_args=DEFAULT_ARGS,
    params=select_params(),
    tags=["reprise", "training"],
):
    linked(tasks.select(), MlflowRunLink())
