"""``gate.yaml``, ``golden``: how strictly golden queries are held, and which are proposed."""

from __future__ import annotations

from pydantic import Field

from reprise.settings.base import Strict


class Golden(Strict):
    """How strictly golden queries are held, and which queries are proposed as golden.

    What must never break is held always; of what should hold, a share.
    """

    should_hold_share: float = Field(0.98, gt=0, le=1, description="of the expectations that should hold")
    navigational_share: float = Field(
        0.8, gt=0.5, le=1, description="of what a query's listeners consume, by one item: then it is proposed"
    )
    min_listeners: int = Field(20, ge=1, description="of a query that is proposed; never fewer than privacy demands")
    max_broken_share: float = Field(
        0.02, ge=0, le=1, description="of frequent searches that may break a relation that holds whatever the model"
    )
    min_blocks: int = Field(2, ge=1, description="weeks in which a proposed query was searched")
