"""``gate.yaml``, ``monitor``: what counts as stale or drifted."""

from __future__ import annotations

from pydantic import Field

from reprise.settings.base import Strict


class Monitor(Strict):
    """What counts as stale or drifted; every figure is held against its median of the 28 days before."""

    stale_after_days: int = Field(
        42, ge=1, description="between the newest closed day and the last that the live model learned from: then alarm"
    )
    max_score_fall: float = Field(
        0.1, gt=0, le=1, description="of the consumption score, as a share of its usual value: then it has drifted"
    )
    max_change: float = Field(
        0.5, gt=0, description="of searches, plays and rates, as a share of the usual value: then it has drifted"
    )
    quiet_days: int = Field(7, ge=0, description="after a retrain ended, in which drift asks for no other")
