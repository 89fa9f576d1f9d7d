"""How long and how often: what all graphs share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import conf

#: A review may take so long at most; `plan` refuses a deployment that allows more.
MAX_REVIEW = timedelta(days=4)
#: Longer than the longest review and a day of steps, or Airflow would fail a run that is still being reviewed.
RETRAIN_TIMEOUT = MAX_REVIEW + timedelta(days=2)
EXTRACT_TIMEOUT = timedelta(hours=12)
PUBLISH_TIMEOUT = timedelta(hours=12)
SELECT_TIMEOUT = timedelta(hours=12)
ROLLBACK_TIMEOUT = timedelta(minutes=30)

#: One retry: every task finds again what its first attempt left. Wrong input is never tried again.
DEFAULT_ARGS: dict[str, Any] = {
    "owner": "reprise",
    "retries": 1,
    "retry_delay": timedelta(seconds=conf.getfloat("reprise", "retry_delay_s", fallback=20.0)),
}
