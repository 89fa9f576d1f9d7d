"""MLflow: runs, datasets, plots, registry. Imports no stage, and MLflow only inside functions.

One parent run for each run of the lifecycle, one child for each model that is compared; everything is looked up by
its tags first, so that a retry never makes a second.
"""

from reprise.tracking.comparison import comparison_url
from reprise.tracking.record import record_evaluation, record_nested, record_report, record_training
from reprise.tracking.registry import register, served_aliases, set_champion
from reprise.tracking.runs import finish_run, reopen_run, run_url, start_run

__all__ = [
    "comparison_url",
    "finish_run",
    "record_evaluation",
    "record_nested",
    "record_report",
    "record_training",
    "register",
    "reopen_run",
    "run_url",
    "served_aliases",
    "set_champion",
    "start_run",
]
