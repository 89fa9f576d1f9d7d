"""How long a deployment's lake keeps what: expiry by log time, sweeping, and the end of old keys."""

from __future__ import annotations

import time

from reprise.errors import UsageError
from reprise.lake import Lake
from reprise.lake_sweep import Sweep, sweep
from reprise.plan import logs_version
from reprise.searches.privacy import UserKey, day_before, destroy_keys
from reprise.settings import Deployment

#: What a retrain reads over its whole window.
_READ_BY_RETRAIN = ("searches", "query_item_stats", "item_stats")


def sweep_deployment(
    deployment: Deployment, lake: Lake, unused_versions: bool = False, dry_run: bool = False, now: float | None = None
) -> tuple[Sweep, list[UserKey]]:
    """Sweep a lake by its deployment's ``privacy``; return what went and which keys were destroyed.

    Days count back from the newest one published. ``unused_versions`` also removes daily tables made by other
    definitions than today's. ``now`` (seconds since 1970) asks what a later sweep would do.
    """
    logs, privacy = deployment.logs, deployment.logs.privacy
    retention = privacy.retention_days.model_dump()
    short = [name for name in _READ_BY_RETRAIN if retention[name] < logs.lookback_days]
    if short:
        raise UsageError(
            f"privacy.retention_days keeps {', '.join(short)} for less than lookback_days ({logs.lookback_days})",
            "a retrain could not read its window: raise the retention or lower lookback_days in logs.yaml",
        )
    current, newest = logs_version(deployment), ""
    tables_of: set[tuple[str, str]] = set()
    for key in lake.store.list():
        table, _, rest = key.partition("/v=")
        if table in retention and "/manifest-" in rest:
            version, partition = rest.split("/")[:2]
            tables_of.add((table, version))
            newest = max(newest, partition.removeprefix("dt=")) if table == "searches" else newest
    unused = [pair for pair in sorted(tables_of) if pair[1] != current] if unused_versions else []
    first_days = {name: day_before(newest, days - 1) for name, days in retention.items()} if newest else {}
    now = time.time() if now is None else now
    swept = sweep(lake, privacy.grace_hours * 3600.0, first_days, unused, dry_run, now)
    # A day is rebuilt with its neighbours, so their keys must last as long as the look-back and a little more.
    lasting = max(privacy.keep_keys_days, logs.lookback_days + 2)
    destroyed = destroy_keys(lake, day_before(newest, lasting), dry_run) if newest else []
    return swept, destroyed
