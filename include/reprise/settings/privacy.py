"""``privacy`` in ``logs.yaml``: how long rows are kept, how user hashes change, what a report may show."""

from __future__ import annotations

from pydantic import Field

from reprise.settings.base import Strict


class Retention(Strict):
    """Days of log time that a table's rows are kept, counted back from the newest day extracted."""

    rejects: int = Field(14, ge=1, description="raw text, so the shortest")
    impressions: int = Field(35, ge=1)
    searches: int = Field(35, ge=1)
    log_counts: int = Field(400, ge=1)
    query_stats: int = Field(400, ge=1, description="at least lookback_days, as for the next two: a retrain reads them")
    query_item_stats: int = Field(400, ge=1)
    item_stats: int = Field(400, ge=1)
    journey_stats: int = Field(400, ge=1)


class Privacy(Strict):
    """What protects listeners; see docs/privacy.md."""

    rotate_key_days: int = Field(90, ge=1, description="log days after which users get new hashes")
    keep_keys_days: int = Field(120, ge=1, description="a key older than that, and than the look-back, is destroyed")
    retention_days: Retention = Retention()
    grace_hours: int = Field(72, ge=72, description="unpublished and replaced files are swept after so long")
    min_users_per_query: int = Field(5, ge=1, description="queries of fewer listeners appear in no report")
