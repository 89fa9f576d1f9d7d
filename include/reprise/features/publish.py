"""What Solr serves of behaviour: the fields, and how their values in Solr are made those of a day.

What is changed is what differs from Solr's own values, not from a record of what was sent: so a publish that was killed
is completed by the next one, whatever it got done, and a document that was indexed anew, which loses its fields, gets
them back. ``serving.json`` in the lake says of each field which day it is of, and which day a publish began to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.errors import MissingDataError
from reprise.features.catalogue import BEHAVIOUR_VERSION, behaviour_features, behaviour_field
from reprise.features.health import stability
from reprise.settings import BehaviourFeature, Publish, digest_of
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.plan import Plan
    from reprise.solr.client import SolrClient

Floats = NDArray[np.float32]
#: In the lake: field → ``day`` that Solr has whole, and ``begun``, the day that is being written.
RECORD = "serving.json"
#: With fewer items that have a value a shift of their spread says little.
_FEW = 30


def serving_fields(plan: Plan) -> dict[str, BehaviourFeature]:
    """Return the Solr fields that a plan is about, each with its definition: the catalogue's, or those being served."""
    if plan.serving:
        return {name: BehaviourFeature.model_validate(one) for name, one in sorted(plan.serving.items())}
    return {behaviour_field(feature): feature for feature in behaviour_features(plan.deployment.solr)}


def behaviour_version(plan: Plan) -> str:
    """Return the version of the lake's ``behaviour``: of the logs, and of the fields, whose names say what they are."""
    return digest_of([BEHAVIOUR_VERSION, plan.logs_version, *sorted(serving_fields(plan))])


def keep_definitions(plan: Plan) -> None:
    """Ensure the lake knows how each field is computed, for as long as a release may read it."""
    store = plan.open_lake().store
    for name, feature in serving_fields(plan).items():
        store.put_new(f"behaviour_fields/{name}.json", feature.model_dump_json().encode())


def definitions(lake: Lake, fields: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return field → definition, as featurize kept it; one that nobody kept is an error."""
    found = {name: lake.get_json(f"behaviour_fields/{name}.json") for name in fields}
    if lost := sorted(name for name, one in found.items() if one is None):
        raise MissingDataError(
            f"a release reads {', '.join(lost)}, of which {lake.uri} has no definition",
            "roll back to a release that does not, or retrain; in `serving.json` is which day the field is of",
        )
    return found


@dataclass(frozen=True)
class Values:
    """What Solr is to serve: a row per item, sorted by id, and a column per field; ``defaults`` for all other items."""

    items: list[str]
    fields: list[str]
    rows: Floats
    defaults: Floats


def values_of(plan: Plan, fields: Sequence[str] | None = None) -> Values:
    """Return the lake's values of the plan's newest day; of some of its fields, where these are named."""
    known = {name: one for name, one in serving_fields(plan).items() if fields is None or name in fields}
    return read_values(plan.open_lake(), behaviour_version(plan), plan.as_of, known)


def read_values(lake: Lake, version: str, day: str, fields: Mapping[str, BehaviourFeature]) -> Values:
    """Return the lake's values of a day, of one version of ``behaviour``."""
    wanted = list(fields)
    defaults = np.array([feature.default for feature in fields.values()], np.float32)
    if not wanted:
        return Values([], [], np.zeros((0, 0), np.float32), defaults)
    table = lake.read("behaviour", version, [f"dt={day}"], ["item", *wanted]).sort_by("item")
    rows = np.column_stack([table[name].to_numpy() for name in wanted]).astype(np.float32)
    return Values(table["item"].to_pylist(), wanted, rows, defaults)


@dataclass(frozen=True)
class Compared:
    """Solr's documents beside what they are to serve.

    ``ids`` are those that differ, ``targets`` what each of these gets. ``held`` and ``wanted`` have a row for every
    document, as a feature reads it: the default where there is nothing.
    """

    ids: list[str]
    targets: Floats
    held: Floats
    wanted: Floats
    had: NDArray[np.bool_]
    vanished: NDArray[np.bool_]
    unknown: int


def compare(pages: Iterator[tuple[list[str], Floats]], values: Values) -> Compared:
    """Return what differs between Solr's documents (by id, some at a time, NaN where nothing is) and the values."""
    at = {item: n for n, item in enumerate(values.items)}
    ids: list[str] = []
    places: list[int] = []
    held: list[Floats] = [np.zeros((0, len(values.fields)), np.float32)]
    for some, rows in pages:
        ids += some
        places += [at.get(one, -1) for one in some]
        held.append(rows)
    raw, place = np.vstack(held), np.array(places, np.int64)
    own = np.vstack([values.rows, values.defaults])  # the last row is that of all other items
    wanted = own[place]
    read = np.where(np.isnan(raw), values.defaults, raw)
    differs = (read != wanted).any(axis=1)
    had = ~np.isnan(raw) & (raw != values.defaults)
    return Compared(
        [one for one, changed in zip(ids, differs, strict=True) if changed],
        wanted[differs],
        read,
        wanted,
        had,
        had & (place < 0)[:, None],
        len(values.items) - int((place >= 0).sum()),
    )


def out_of_band(compared: Compared, values: Values, policy: Publish) -> list[str]:
    """Return what speaks against serving the values: a field's spread that moved, or items that lose their history.

    A field that Solr has of almost no item yet has nothing to be compared with.
    """
    found = []
    for n, name in enumerate(values.fields):
        had = compared.had[:, n]
        if had.sum() < _FEW:
            continue
        lost = compared.vanished[:, n].sum() / had.sum()
        if lost > policy.max_vanished_share:
            found.append(f"{name}: {lost:.1%} of its items lose their value (at most {policy.max_vanished_share:.1%})")
        drift = spread_moved(compared.held[:, n], compared.wanted[:, n], float(values.defaults[n]))
        if drift is not None and drift > policy.max_drift:
            found.append(f"{name}: its spread moves by {drift:.2f} (at most {policy.max_drift:g})")
    return found


def spread_moved(before: Floats, after: Floats, default: float) -> float | None:
    """Return how far a field's spread has moved: the population stability index of its values, document by document.

    Of the documents that have a value before or after; None where almost none had one.
    """
    if (before != default).sum() < _FEW:
        return None
    known = (before != default) | (after != default)
    return stability(before[known].astype(float), after[known].astype(float))


def run(
    client: SolrClient,
    plan: Plan,
    fields: Sequence[str] | None = None,
    *,
    checked: bool = True,
    meanwhile: Callable[[], AbstractContextManager[Mapping[str, Any]]] | None = None,
) -> Verdict:
    """Ensure Solr serves the plan's newest day: what differs is written in place, one commit at the end.

    No, and nothing is written, where ``checked`` values are out of band. Documents are never made. Killed anywhere, it
    is completed by the next call. ``meanwhile`` is entered while Solr is written to; facts: documents, changed, unknown
    (items that Solr has no document of), and what ``meanwhile`` gave.
    """
    values = values_of(plan, fields)
    if not values.fields:
        return Verdict("yes", "no field to publish", facts={"documents": 0, "changed": 0, "unknown": 0})
    solr, lake = plan.deployment.solr, plan.open_lake()
    compared = compare(client.field_values(values.fields), values)
    facts: dict[str, Any] = {
        "day": plan.as_of,
        "fields": values.fields,
        "documents": len(compared.held),
        "changed": len(compared.ids),
        "unknown": compared.unknown,
    }
    if checked and (wrong := out_of_band(compared, values, solr.publish)):
        remedy = "look at that day's logs; publish all the same with `checked` off, or change `publish` in solr.yaml"
        return Verdict("no", f"{plan.as_of}: {'; '.join(wrong)}", remedy, {**facts, "wrong": wrong})
    _note(lake, values.fields, begun=plan.as_of)
    updates = (
        (one, dict(zip(values.fields, row, strict=True)))
        for one, row in zip(compared.ids, compared.targets.tolist(), strict=True)
    )
    if meanwhile:
        with meanwhile() as seen:
            client.update_fields(updates, lanes=solr.requests_in_flight)
        facts["searches"] = dict(seen)
    else:
        client.update_fields(updates, lanes=solr.requests_in_flight)
    _note(lake, values.fields, day=plan.as_of)
    return Verdict(
        "yes", f"{plan.as_of}: {facts['changed']:,} of {facts['documents']:,} documents changed", facts=facts
    )


def not_newer(lake: Lake, fields: Sequence[str], day: str) -> list[str]:
    """Return the fields of which Solr does not have, or is not getting, a later day than this."""
    record = lake.get_json(RECORD) or {}
    return [name for name in fields if max(record.get(name, {}).values(), default="") <= day]


def _note(lake: Lake, fields: Sequence[str], **said: str) -> None:
    """Say of fields that a day was begun, or that it is whole."""
    record = lake.get_json(RECORD) or {}
    for name in fields:
        before = {"day": record.get(name, {}).get("day", "")} if "begun" in said else {}
        record[name] = {key: day for key, day in {**before, **said}.items() if day}
    lake.put_json(RECORD, record)
