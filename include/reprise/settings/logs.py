"""``logs.yaml``: where raw records are and what they mean."""

from __future__ import annotations

from pydantic import Field

from reprise.settings.base import Strict
from reprise.settings.privacy import Privacy
from reprise.settings.sources import Source


class Journeys(Strict):
    """How searches become journeys, and plays are attributed to them (seconds unless named otherwise)."""

    settle_s: float = Field(3.0, gt=0)
    displayed_ms: int = Field(500, ge=0)
    displayed_weight: float = Field(0.5, ge=0, le=1)
    reformulation_s: float = Field(120.0, gt=0)
    idle_s: float = Field(1800.0, gt=0)
    attribution_s: float = Field(1800.0, gt=0)
    save_s: float = Field(86400.0, gt=0)
    user_buckets: int = Field(16, ge=1)


class Utility(Strict):
    """The constants of an item's utility in a search (seconds); see docs/domain.md for the formula."""

    bounce_s: float = Field(5.0, ge=0)
    listen_s: float = Field(30.0, gt=0)
    joy_cap_s: float = Field(240.0, gt=0)
    sampled: float = Field(0.1, ge=0, le=1)
    satisfied: float = Field(0.5, ge=0, le=1)
    max_searches_per_user_day: int = Field(400, ge=1)
    max_plays_per_user_item_day: int = Field(20, ge=1)
    max_impressions_per_user_item_day: int = Field(30, ge=1)


class Logs(Strict):
    """``logs.yaml``: where raw records are and what they mean."""

    sources: list[Source] = Field(min_length=1)
    journeys: Journeys = Journeys()
    utility: Utility = Utility()
    privacy: Privacy = Privacy()
    lookback_days: int = Field(90, ge=1)
    closes_after_days: int = Field(1, ge=1, description="a day is closed once so many days later has files everywhere")
    max_reject_share: float = Field(0.05, ge=0, le=1, description="a day with more is not learned from")
    min_searches_per_day: int = Field(50, ge=0)
    max_volume_ratio: float = Field(3.0, gt=1, description="a source's usable records of a day, to their usual number")
    max_share_jump: float = Field(0.5, gt=0, le=1, description="of records late, or rejected or dropped for one reason")
    max_item_share: float = Field(0.2, gt=0, le=1, description="of a day's plays, by one item: a farm, or a broken log")
