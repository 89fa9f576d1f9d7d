"""One catalogue of features: how ``solr.yaml`` reads in Solr's feature store, in the training set and in the docs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from reprise.errors import UsageError
from reprise.features.query_text import parameter_text, query_value
from reprise.settings import (
    BehaviourFeature,
    ContextFeature,
    Feature,
    ItemFeature,
    MatchFeature,
    QueryFeature,
    Solr,
    digest_of,
)
from reprise.settings.features import Cost
from reprise.solr.score import constant

#: Raised when a measure's meaning changes; part of every behaviour field's name.
BEHAVIOUR_VERSION = 1
#: A feature store's entry without ``store``.
Entry = dict[str, Any]
#: What a request parameter is: how its value is computed, and what Solr reads where it is not sent (``default``).
Parameter = dict[str, Any]
#: Request parameters that features read, beside the text itself.
PARAMETERS = "reprise."
#: What the application may know of a listener; training takes the language of most of a query's searches in a block.
CONTEXTS = ("language",)
_DAY_MS = 86_400_000
_READ = re.compile(r"\$\{(\w+)\}")
_BEHAVIOUR_FIELD = re.compile(r"\bbeh_\w+")
_TIME = re.compile(r"\bNOW\b")
_USUAL_COST: dict[str, Cost] = {"query": "free", "item": "cheap", "context": "cheap", "behaviour": "cheap"}
_CLASS = "org.apache.solr.ltr.feature."
#: Parsers that no text fails (measured on 8.11.4; `dismax` fails on AND, `prefix` and `lucene` on much). To the last
#: three, and to `simple` with q.operators=NONE, text is nothing but data; edismax reads `-word`, `word*`, `field:word`,
#: in serving as in training.
_TEXT_PARSERS = ("edismax", "simple", "field", "term", "terms")
_PARSER = re.compile(r"\{!(?:type=)?(\w+)[ }]")


def names(solr: Solr) -> list[str]:
    """Return the feature names in vector order, which is the order of ``solr.yaml``."""
    return [feature.name for feature in solr.features]


def behaviour_features(solr: Solr) -> list[BehaviourFeature]:
    """Return the features that daily statistics give."""
    return [feature for feature in solr.features if isinstance(feature, BehaviourFeature)]


def behaviour_field(feature: BehaviourFeature) -> str:
    """Return the Solr field that serves a behaviour feature; another definition is another field."""
    definition = feature.model_dump(mode="json", include={"measure", "days", "prior"})
    if feature.measure == "trend":
        definition["recent_days"] = feature.recent_days
    if feature.default:  # written where an item's history ends, so another default is another field
        definition["default"] = feature.default
    return f"beh_{feature.name}_{digest_of([BEHAVIOUR_VERSION, definition], 8)}"


def store_entries(solr: Solr) -> list[Entry]:
    """Return the feature store's entries, without ``store``, in vector order.

    A feature or a request that reads a behaviour field by name is refused: Solr holds today's values, and training
    would see the days that it is to predict.
    """
    for name, text in _said(solr).items():
        if field := _BEHAVIOUR_FIELD.search(text):
            raise UsageError(
                f"solr.yaml: {name} reads {field[0]}, of which Solr has today's values: training would see its labels",
                "write it as a feature of kind behaviour, which is computed as of the day before each block",
            )
    return [_entry(feature) for feature in solr.features]


def _said(solr: Solr) -> dict[str, str]:
    """Return what reads fields by name: the request, and match and item features."""
    said = {f"request.params.{name}": value for name, value in solr.request.params.items()}
    for feature in solr.features:
        if isinstance(feature, (MatchFeature, ItemFeature)):
            said[f"feature {feature.name!r}"] = (
                (feature.query or "") if isinstance(feature, MatchFeature) else feature.field
            )
    return said


def entry_key(entry: Mapping[str, Any]) -> str:
    """Return a digest of what a feature computes, whatever it is called: equal keys, equal values."""
    return digest_of([entry["class"], entry.get("params") or {}])


def columns(solr: Solr, champion: list[Entry]) -> dict[str, str]:
    """Return entry key → column of the training set, for the catalogue's features and the champion's.

    What the champion knows and the catalogue no longer does gets a column ``live_<name>``; constants need none.
    """
    known = {entry_key(entry): str(entry["name"]) for entry in store_entries(solr)}
    for entry in champion:
        if constant(entry) is None:
            known.setdefault(entry_key(entry), f"live_{entry['name']}")
    return known


def solr_entries(solr: Solr, champion: list[Entry]) -> list[Entry]:
    """Return the entries whose values Solr itself gives for the training set, each named as its column.

    Behaviour features of the catalogue are left out: Solr holds only today's values of them. A champion's behaviour
    field that the catalogue no longer defines has no other source, and is read as it is served today.
    """
    own = {entry_key(_entry(feature)) for feature in behaviour_features(solr)}
    entries = {entry_key(entry): entry for entry in [*champion, *store_entries(solr)]}
    return [
        {"name": column, "class": entries[key]["class"], "params": entries[key].get("params") or {}}
        for key, column in columns(solr, champion).items()
        if key not in own
    ]


def cost_class(feature: Feature) -> Cost:
    """Return what a feature costs Solr at query time: nothing, the reading of a field, or a query of its own."""
    if feature.cost is not None:
        return feature.cost
    if isinstance(feature, MatchFeature):
        return "free" if feature.query is None else "dear"
    return _USUAL_COST[feature.kind]


def monotone_signs(solr: Solr) -> dict[str, int]:
    """Return feature name → 1 where more of it never makes an item worse, −1 where never better, else 0."""
    return {f.name: {"rising": 1, "falling": -1, None: 0}[f.monotone] for f in solr.features}


def ages(solr: Solr) -> list[str]:
    """Return the features that are an item's age in days."""
    return [feature.name for feature in solr.features if isinstance(feature, ItemFeature) and feature.age]


def reads_time(entries: Sequence[Entry]) -> bool:
    """Return whether a feature reads the time of the search; Solr has it from the request parameter ``NOW``."""
    return any(_TIME.search(json.dumps(entry.get("params") or {})) for entry in entries)


def efi(entries: Sequence[Entry]) -> dict[str, str]:
    """Return what features and rerank query are passed, each by reference: the text, and the parameters they read."""
    read = {name for entry in entries for name in _READ.findall(json.dumps(entry.get("params") or {}))}
    return {"q": "$q", **{name: f"${PARAMETERS}{name}" for name in sorted(read - {"q"})}}


def request_parameters(solr: Solr, entries: Sequence[Entry], champion: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the request parameters that these entries read, each with its definition, by name.

    ``champion``: those of the live release, which may read what the catalogue no longer defines.
    """
    known = {**champion, **{f"{PARAMETERS}{_efi_name(f)}": _parameter(f) for f in solr.features if _is_sent(f)}}
    wanted = {reference.removeprefix("$") for reference in efi(entries).values()} - {"q"}
    if unknown := sorted(wanted - known.keys()):
        raise UsageError(
            f"a feature reads {', '.join(unknown)}, which neither solr.yaml nor the live release defines",
            "have a query or context feature define it, or take it out of the feature's query",
        )
    return {name: known[name] for name in sorted(wanted)}


def defaults(parameters: Mapping[str, Parameter]) -> dict[str, str]:
    """Return parameter → what Solr reads where the application does not send it."""
    return {name: str(one["default"]) for name, one in parameters.items()}


def parameter_values(parameters: Mapping[str, Parameter], text: str, context: Mapping[str, str]) -> dict[str, str]:
    """Return what the application sends with a text: parameter → value; ``context`` is what is known of the listener.

    What is not known is left out, so that Solr reads the default.
    """
    values = {}
    for name, one in parameters.items():
        if one["computes"] in CONTEXTS:
            if known := context.get(one["computes"]):
                values[name] = known
        else:
            values[name] = parameter_text(query_value(one["computes"], one["of"], text))
    return values


def _is_sent(feature: Feature) -> bool:
    return isinstance(feature, (QueryFeature, ContextFeature))


def _efi_name(feature: Feature) -> str:
    """Return the name of what the application sends for a feature; another definition is another name."""
    if isinstance(feature, ContextFeature):
        return feature.context
    assert isinstance(feature, QueryFeature)
    definition = digest_of([list(feature.of), feature.default], 8) if feature.of or feature.default else ""
    return "_".join(filter(None, ("query", feature.computes, definition)))


def _parameter(feature: Feature) -> Parameter:
    if isinstance(feature, ContextFeature):
        return {"computes": feature.context, "of": [], "default": ""}
    assert isinstance(feature, QueryFeature)
    return {"computes": feature.computes, "of": list(feature.of), "default": parameter_text(feature.default)}


def _entry(feature: Feature) -> Entry:
    if isinstance(feature, QueryFeature):
        params: dict[str, Any] = {"value": f"${{{_efi_name(feature)}}}"}
        return {"name": feature.name, "class": f"{_CLASS}ValueFeature", "params": params}
    if isinstance(feature, BehaviourFeature):
        entry = _field_value(feature.name, behaviour_field(feature))
    elif isinstance(feature, ContextFeature):
        # A filter scores 1 where it matches; the language is data to a term query, whatever it says.
        params = {"fq": [f"{{!term f={feature.field}}}${{{feature.context}}}"]}
        entry = {"name": feature.name, "class": f"{_CLASS}SolrFeature", "params": params}
    else:
        entry = _match(feature) if isinstance(feature, MatchFeature) else _item(feature)
    if feature.default:
        entry["params"] = {**entry["params"], "defaultValue": feature.default}
    return entry


def _match(feature: MatchFeature) -> Entry:
    if feature.query is None:
        return {"name": feature.name, "class": f"{_CLASS}OriginalScoreFeature", "params": {}}
    parser = _PARSER.match(feature.query)
    if "${q}" in feature.query and (not parser or parser[1] not in _TEXT_PARSERS):
        raise UsageError(
            f"solr.yaml: feature {feature.name!r} has the listener's text read by a parser that some texts fail: "
            f"{feature.query}",
            f"use one of {', '.join(_TEXT_PARSERS)}: none of them fails, whatever is typed, up to 1,000 characters",
        )
    head, closed, _ = feature.query.partition("}${q}")
    if "${q}" in head or ("${q}" in feature.query and not closed and feature.query.startswith("{!")):
        raise UsageError(
            f"solr.yaml: feature {feature.name!r} puts the listener's text inside the braces: {feature.query}",
            "write it after them, as in {!edismax qf=title}${q}: inside, a blank in the text ends the parameter",
        )
    return {"name": feature.name, "class": f"{_CLASS}SolrFeature", "params": {"q": feature.query}}


def _item(feature: ItemFeature) -> Entry:
    if feature.age:
        known = f"div(ms(NOW,{feature.field}),{_DAY_MS})"
        query = f"{{!func}}if(exists({feature.field}),{known},{feature.default!r})"
        return {"name": feature.name, "class": f"{_CLASS}SolrFeature", "params": {"q": query}}
    if feature.equals is None:
        return _field_value(feature.name, feature.field)
    # A filter scores 1 where it matches; a term query would score by the term's rarity.
    params = {"fq": [f"{{!term f={feature.field}}}{feature.equals}"]}
    return {"name": feature.name, "class": f"{_CLASS}SolrFeature", "params": params}


def _field_value(name: str, field: str) -> Entry:
    return {"name": name, "class": f"{_CLASS}FieldValueFeature", "params": {"field": field}}
