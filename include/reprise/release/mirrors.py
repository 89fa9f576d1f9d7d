"""The copies of what Solr says: the record in the lake, and MLflow's aliases. Solr is right; copies are mended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from reprise.errors import RepriseError
from reprise.lake import Lake
from reprise.release.status import Status

RECORD = "releases.json"


@dataclass(frozen=True)
class Mirror:
    """A copy: what it says, what it should say, and whether these agree. ``says`` is why where it cannot be read."""

    name: str
    says: str
    should: str
    ok: bool


def record_of(found: Status) -> dict[str, Any]:
    """Return the lake's copy of the record."""
    return {
        "live": found.live.number if found.live else None,
        "releases": [entry.to_dict() for entry in found.releases],
        "switches": [asdict(switch) for switch in found.switches],
    }


def mirrors(found: Status, lake: Lake | None, aliases: dict[str, str] | RepriseError | None) -> list[Mirror]:
    """Return each copy beside what Solr says; a copy that is None is not asked for.

    ``aliases``: MLflow alias → the model's name in Solr (tracking.served_aliases), or why it could not be read.
    """
    return [*([_of_lake(found, lake)] if lake else []), *([] if aliases is None else _of_mlflow(found, aliases))]


def copy_record(found: Status, lake: Lake) -> None:
    """Write the record to the lake; what Solr has dropped or shortened since stays there as it was."""
    before = lake.get_json(RECORD) or {}
    record = record_of(found)
    full = {entry["number"]: entry for entry in before.get("releases", [])}
    record["releases"] = [
        {**full.get(entry["number"], entry), "pruned": entry["pruned"]} if entry["pruned"] else entry
        for entry in record["releases"]
    ]
    known = {switch["at"] for switch in record["switches"]}
    older = [switch for switch in before.get("switches", []) if switch["at"] not in known]
    record["switches"] = sorted([*older, *record["switches"]], key=lambda switch: str(switch["at"]))
    lake.put_json(RECORD, record)


def _of_lake(found: Status, lake: Lake) -> Mirror:
    should = _told(found.live.number if found.live else None, len(found.releases))
    try:
        copy = lake.get_json(RECORD)
    except RepriseError as error:
        return Mirror("lake", error.problem, should, False)
    if copy is None:
        return Mirror("lake", "no copy", should, False)
    says = _told(copy.get("live"), len(copy["releases"]))
    newest = max((switch.at for switch in found.switches), default="")
    has = any(switch["at"] == newest for switch in copy["switches"]) or not newest
    return Mirror("lake", says if has else f"{says}, without the switch of {newest}", should, has and says == should)


def _of_mlflow(found: Status, aliases: dict[str, str] | RepriseError) -> list[Mirror]:
    rows = []
    for alias, release in (("champion", found.live), ("previous", found.previous)):
        should = release.model if release and release.rq else "none"
        if isinstance(aliases, RepriseError):
            rows.append(Mirror(f"MLflow {alias}", aliases.problem, should, False))
            continue
        says = aliases.get(alias) or "none"
        rows.append(Mirror(f"MLflow {alias}", says, should, says == should))
    return rows


def _told(live: int | None, releases: int) -> str:
    return f"release {live} of {releases}" if live is not None else f"no recorded release of {releases}"
