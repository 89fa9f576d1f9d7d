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
    behaviour_stale_after_days: int = Field(
        3, ge=1, description="between the newest day and that of a behaviour field that live reads: then alarm"
    )
    max_skew: float = Field(
        0.05, gt=0, le=1, description="share of documents that hold another value than was published: then alarm"
    )
    max_feature_drift: float = Field(
        0.25, gt=0, description="population stability index of a field since live learned: then it has drifted"
    )
    quiet_days: int = Field(7, ge=0, description="after a retrain ended, in which drift asks for no other")
