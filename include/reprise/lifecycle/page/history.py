"""The third tab: every retrain there was, the newest first, and how long what it made was live."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reprise.errors import RepriseError
from reprise.lifecycle.page.places import deployment_of, lake_of, solr_of

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.release.record import Switch

_SHOWN = 100


def history(name: str) -> dict[str, Any]:
    """Return the last retrains: window, family, gain, verdict, ending, what won comparisons, approver, days live."""
    from reprise.release.record import read_pointer

    lake, note = lake_of(name), ""
    switches: Sequence[Switch] = ()
    releases: dict[str, int] = {}
    try:
        with solr_of(deployment_of(name)) as client:
            pointer = read_pointer(client)
        switches = pointer.switches
        releases = {one.mlflow_run: one.number for one in pointer.releases if one.mlflow_run}
    except RepriseError as error:
        note = f"how long releases were live is not known: {error.problem}"
    endings = {key: at for key, at in lake.store.modified("runs/").items() if key.endswith("/ending.json")}
    newest = sorted(endings, key=lambda key: -endings[key])[:_SHOWN]
    rows = [row for key in newest if (row := _row(lake, key.split("/")[1], releases, switches))]
    return {"rows": rows, "runs": len(endings), "note": note}


def days_live(number: int, switches: Sequence[Switch], now: datetime) -> float:
    """Return how many days a release has been live, over all the times it was."""
    total, since = 0.0, None
    for switch in switches:
        at = datetime.fromisoformat(switch.at)
        if since is not None and switch.to_release != number:
            total, since = total + (at - since).total_seconds(), None
        elif since is None and switch.to_release == number:
            since = at
    if since is not None:
        total += (now - since).total_seconds()
    return total / 86_400


def _row(lake: Lake, run: str, releases: dict[str, int], switches: Sequence[Switch]) -> dict[str, Any] | None:
    plan, ending = lake.get_json(f"runs/{run}/plan.json"), lake.get_json(f"runs/{run}/ending.json")
    if not plan or not ending or not plan.get("families"):
        return None  # not a retrain
    report: dict[str, Any] = json.loads(lake.store.get(f"runs/{run}/gate/report.json") or b"{}")
    gain = report.get("comparison") or {}
    number = ending.get("live") if ending.get("ending") == "promoted" else None
    return {
        "run": run,
        "first": plan["days"][0],
        "last": plan["days"][-1],
        "ending": ending["ending"],
        "reason": ending.get("reason", ""),
        "family": report.get("family", ""),
        "gain": gain.get("difference"),
        "lower": gain.get("lower"),
        "upper": gain.get("upper"),
        "verdict": report.get("answer", ""),
        "compared": ending.get("compared") or {},
        "approver": _approver(number, switches),
        "release": number,
        "days_live": None if number is None else round(days_live(number, switches, datetime.now(UTC)), 1),
        "airflow": (plan.get("airflow") or {}).get("url", ""),
    }


def _approver(number: int | None, switches: Sequence[Switch]) -> str:
    made = [switch.by for switch in switches if switch.action == "promote" and switch.to_release == number]
    return made[0] if made else ""
