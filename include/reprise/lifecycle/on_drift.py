"""The run that drift asks for: a `retrain` of the deployment that drifted, which says why in its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context


class RetrainOnDriftOperator(TriggerDagRunOperator):
    """Triggers `retrain` where `monitor` found drift that asks for it; else, or where `retrain` is paused, it skips.

    The run is named after deployment and day: a repeated task finds it and starts no second.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_dag_id="retrain", skip_when_already_exists=True, logical_date=None, **kwargs)

    def execute(self, context: Context) -> None:
        """Trigger the retrain, or skip and say why."""
        ti = context["ti"]
        seen = ti.xcom_pull(task_ids="monitor")
        if not seen["asks"]:
            raise AirflowSkipException("no drift that asks for a retrain")
        if ti.get_dag(self.trigger_dag_id).is_paused:
            raise AirflowSkipException("drift asks for a retrain, but the DAG `retrain` is paused: trigger it by hand")
        self.trigger_run_id = f"drift__{seen['deployment']}__{seen['day']}"
        self.conf = {"deployment": seen["deployment"], "reason": f"drift: {'; '.join(seen['drifted'])}"[:500]}
        super().execute(context)
