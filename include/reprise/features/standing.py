"""How what Solr serves of behaviour stands: how old it is, whether it is the lake's, and how far it has moved.

A model that nobody touched still ages with what it reads: a publish that stopped, documents that were indexed anew and
lost their fields, listeners who play otherwise than those it learned from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from reprise.errors import MissingDataError
from reprise.features.publish import RECORD, Compared, Floats, Values, compare, definitions, read_values, spread_moved
from reprise.settings import BehaviourFeature

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.solr.client import SolrClient

Pages = list[tuple[list[str], Floats]]


@dataclass(frozen=True)
class Standing:
    """One field in Solr. ``day`` is the day it is of ("": never published), ``begun`` one that was left half written.

    ``age_days``: from that day to the newest. ``differing_share``: documents that hold, as a feature reads it, another
    float32 than the lake has of that day. ``drift``: population stability index of the documents' values beside those
    of ``learned``, the first day at or after the last that the model learned from of which the lake has the field.
    None, or "" for a day, where there is nothing to compare with.
    """

    field: str
    day: str = ""
    begun: str = ""
    age_days: int | None = None
    differing_share: float | None = None
    learned: str = ""
    drift: float | None = None


def stand(client: SolrClient, lake: Lake, fields: Sequence[str], newest: str, learned_until: str) -> list[Standing]:
    """Return how each field stands on the newest day, for a model that learned until a day; Solr is read once."""
    if not fields:
        return []
    record = lake.get_json(RECORD) or {}
    found = {field: _dated(field, record.get(field, {}), newest) for field in sorted(fields)}
    known = _known(lake, list(found))
    pages = list(client.field_values(list(known))) if known else []
    days = _days(lake, known)
    learned = {field: min((d for d in days[field] if d >= learned_until), default="") for field in known}
    whole = {field: one.day for field, one in found.items() if field in known and not one.begun}
    for field, compared, values in _compared(lake, known, pages, whole, days):
        n = values.fields.index(field)
        share = float((compared.held[:, n] != compared.wanted[:, n]).mean()) if len(compared.held) else None
        found[field] = replace(found[field], differing_share=share)
    for field, compared, values in _compared(lake, known, pages, learned, days):
        n = values.fields.index(field)
        drift = spread_moved(compared.wanted[:, n], compared.held[:, n], float(values.defaults[n]))
        found[field] = replace(found[field], learned=learned[field], drift=drift)
    return list(found.values())


def _dated(field: str, record: Mapping[str, str], newest: str) -> Standing:
    day = record.get("day", "")
    age = (date.fromisoformat(newest) - date.fromisoformat(day)).days if day else None
    return Standing(field, day, record.get("begun", ""), age)


def _known(lake: Lake, fields: Sequence[str]) -> dict[str, BehaviourFeature]:
    """Return the definitions of those fields whose definition the lake kept."""
    found: dict[str, Any] = {}
    for field in fields:
        try:
            found |= definitions(lake, [field])
        except MissingDataError:
            continue
    return {field: BehaviourFeature.model_validate(one) for field, one in found.items()}


def _days(lake: Lake, fields: Mapping[str, BehaviourFeature]) -> dict[str, dict[str, str]]:
    """Return field → day → a version of ``behaviour`` that has it: each version is of other fields."""
    found: dict[str, dict[str, str]] = {field: {} for field in fields}
    for version, partitions in lake.published_names("behaviour").items():
        columns = lake.columns("behaviour", version, partitions[-1])
        for field in found.keys() & columns:
            found[field] |= {partition.removeprefix("dt="): version for partition in partitions}
    return found


def _compared(
    lake: Lake,
    known: Mapping[str, BehaviourFeature],
    pages: Pages,
    wanted: Mapping[str, str],
    days: Mapping[str, Mapping[str, str]],
) -> list[tuple[str, Compared, Values]]:
    """Return each field beside the lake's values of its wanted day, where the lake has these."""
    places, groups = list(known), defaultdict(list)
    for field, day in wanted.items():
        if day in days[field]:
            groups[days[field][day], day].append(field)
    found = []
    for (version, day), fields in groups.items():
        values = read_values(lake, version, day, {field: known[field] for field in fields})
        columns = [places.index(field) for field in fields]
        compared = compare(((ids, rows[:, columns]) for ids, rows in pages), values)
        found += [(field, compared, values) for field in fields]
    return found
