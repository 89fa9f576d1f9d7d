"""The daily look at what is live: figures into the lake, copies mended, people told, and drift asked once."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from reprise.connections import connection
from reprise.errors import RepriseError
from reprise.lifecycle.notices import tell
from reprise.settings import Deployment, load_deployment

if TYPE_CHECKING:
    from airflow.sdk import Context

    from reprise.lake import Lake
    from reprise.release.mirrors import Mirror
    from reprise.release.status import Status

log = logging.getLogger(__name__)
_LATCH = "monitor/drift.json"


def monitor(context: Context) -> dict[str, Any]:
    """Look, keep what was seen, mend copies, tell people; return the alarms, the drift and whether it is new."""
    return watch(load_deployment(str(context["params"]["deployment"])))


def watch(deployment: Deployment) -> dict[str, Any]:
    """Do the daily look of a deployment; repeated on the same day it changes nothing and tells nobody twice."""
    from reprise.features.standing import stand
    from reprise.lake import Lake
    from reprise.plan import Plan, logs_version
    from reprise.release import status
    from reprise.release.monitor import look
    from reprise.searches.calendar import newest_extracted
    from reprise.solr.client import connect

    lake = Lake(f"{connection('lake').uri}/{deployment.name}")
    day = newest_extracted(lake, logs_version(deployment))
    plan = Plan(f"monitor-{day}", deployment, lake.uri, [day], [], [], [])
    with connect(deployment.solr.core, deployment.solr.request.id_field) as client:
        found = status(client)
        live = found.live
        behaviour = stand(client, lake, live.behaviour_fields, day, live.trained_until) if live else []
        seen = look(plan, found, _mend(deployment.name, lake, found), behaviour, deployment.gate.monitor)
    new = not lake.get_json(f"monitor/{day}.json")
    asks = latched(lake, day, set(seen.drifted), deployment.gate.monitor.quiet_days)
    told = [*seen.alarms, *seen.drifted.values()]
    for line in told:
        log.warning("%s", line)
    if new and (seen.alarms or asks):
        tell(f"Reprise {deployment.name}: look at the ranking of {day}", "\n".join(told))
    lake.put_json(f"monitor/{day}.json", seen.to_dict())  # last: a look that is killed tells twice, not never
    return {
        "deployment": deployment.name,
        "day": day,
        "alarms": seen.alarms,
        "drifted": list(seen.drifted.values()),
        "asks": asks,
        "score": seen.score.score,
    }


def _mend(deployment: str, lake: Lake, found: Status) -> list[Mirror]:
    """Mend the copies of what Solr says; return them as they were found."""
    from reprise import tracking
    from reprise.lifecycle import recording
    from reprise.release.mirrors import copy_record, mirrors

    aliases: dict[str, str] | RepriseError
    try:
        aliases = tracking.served_aliases(deployment)
    except RepriseError as error:
        aliases = error
    copies = mirrors(found, lake, aliases)
    if not all(one.ok for one in copies):
        copy_record(found, lake)
        try:
            recording.mirror(deployment, found.live, found.previous)
        except RepriseError as error:
            log.warning("MLflow stays behind: %s", error.problem)
    return copies


def latched(lake: Lake, day: str, kinds: set[str], quiet_days: int) -> bool:
    """Return whether these drifted figures ask for a retrain: one has not asked yet, and no retrain has just ended.

    What drifts while it is quiet has not asked, so it asks when the quiet ends; what is usual again may ask again. A
    look repeated on its day answers as the first did, so that a retry of a killed one loses nothing.
    """
    before = lake.get_json(_LATCH) or {}
    if before.get("day") == day:
        return bool(before.get("asks"))
    asked = set(before.get("asked", []))
    asks = bool(kinds - asked) and not _quiet(lake, quiet_days)
    lake.put_json(_LATCH, {"day": day, "asks": asks, "asked": sorted(kinds if asks else kinds & asked)})
    return asks


def _quiet(lake: Lake, quiet_days: int) -> bool:
    """Return whether a retrain has ended within so many days of now."""
    endings = {key: at for key, at in lake.store.modified("runs/").items() if key.endswith("/ending.json")}
    newest = max((at for key, at in endings.items() if _retrain(lake, key)), default=0.0)
    return datetime.now(UTC) - datetime.fromtimestamp(newest, UTC) <= timedelta(days=quiet_days)


def _retrain(lake: Lake, key: str) -> bool:
    plan = json.loads(lake.store.get(key.replace("ending.json", "plan.json")) or b"{}")
    return bool(plan.get("families"))
