"""How long a deployment's lake keeps what: expiry by log time, sweeping, and the end of old keys."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from reprise.errors import UsageError
from reprise.lake import DAYS, Lake, Manifest, table_of
from reprise.lake_sweep import Sweep, sweep
from reprise.plan import logs_version
from reprise.searches.privacy import UserKey, day_before, destroy_keys
from reprise.settings import Deployment

#: What a retrain reads over its whole window.
_READ_BY_RETRAIN = ("query_stats", "query_item_stats", "item_stats")


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
    current, versions, newest = logs_version(deployment), set(), ""
    for key in lake.store.list(f"{DAYS}/"):
        _, version, partition, *_ = key.split("/")
        if "/manifest-" in key:
            versions.add(version.removeprefix("v="))
            newest = max(newest, partition.removeprefix("dt="))
    unused = [(DAYS, version) for version in sorted(versions) if version != current] if unused_versions else []
    # Only a run that broke off reads what Solr answered it, and it does so soon.
    unused += [("retrieved", version) for version in _versions(lake, "retrieved")]
    first_days = {name: day_before(newest, days - 1) for name, days in retention.items()} if newest else {}
    now = time.time() if now is None else now
    swept = sweep(lake, privacy.grace_hours * 3600.0, _expire(first_days), unused, dry_run, now)
    # A day is rebuilt with its neighbours, so their keys must last as long as the look-back and a little more.
    lasting = max(privacy.keep_keys_days, logs.lookback_days + 2)
    destroyed = destroy_keys(lake, day_before(newest, lasting), dry_run) if newest else []
    return swept, destroyed


def _versions(lake: Lake, table: str) -> list[str]:
    return sorted({key.split("/")[1].removeprefix("v=") for key in lake.store.list(f"{table}/")})


def _expire(first_days: Mapping[str, str]) -> Callable[[Manifest], Manifest | None]:
    """Return what takes a day's tables that are beyond their first days out of its manifest.

    The day's inputs stay, so that it is not extracted anew.
    """

    def successor(manifest: Manifest) -> Manifest | None:
        if manifest.table != DAYS:
            return None
        day = manifest.partition.removeprefix("dt=")
        old = {table for table, first in first_days.items() if day < first}
        if not old - set(manifest.facts.get("expired", [])):
            return None
        rows = {table: n for table, n in manifest.facts["rows"].items() if table not in old}
        return replace(
            manifest, files=[key for key in manifest.files if table_of(key) not in old], rows=sum(rows.values()),
            number=manifest.number + 1, facts={**manifest.facts, "rows": rows, "expired": sorted(old), "swept": True},
        )  # fmt: skip

    return successor
