"""One catalogue of features: how ``solr.yaml`` reads in Solr's feature store, in the training set and in the docs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reprise.errors import UsageError
from reprise.settings import BehaviourFeature, Feature, ItemFeature, MatchFeature, Solr, digest_of

#: Raised when a measure's meaning changes; part of every behaviour field's name.
BEHAVIOUR_VERSION = 1
#: What features and rerank query are passed: user text by reference only.
EFI = {"q": "$q"}
#: A feature store's entry without ``store``.
Entry = dict[str, Any]
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
    return f"beh_{feature.name}_{digest_of([BEHAVIOUR_VERSION, definition], 8)}"


def store_entries(solr: Solr) -> list[Entry]:
    """Return the feature store's entries, without ``store``, in vector order."""
    return [_entry(feature) for feature in solr.features]


def entry_key(entry: Mapping[str, Any]) -> str:
    """Return a digest of what a feature computes, whatever it is called: equal keys, equal values."""
    return digest_of([entry["class"], entry.get("params") or {}])


def constant(entry: Mapping[str, Any]) -> float | None:
    """Return the value of a feature that is the same for every document, or None."""
    if entry["class"] != f"{_CLASS}ValueFeature":
        return None
    value = (entry.get("params") or {}).get("value")
    return float(value) if isinstance(value, (int, float)) else None


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


def _entry(feature: Feature) -> Entry:
    if isinstance(feature, MatchFeature):
        return _match(feature)
    if isinstance(feature, ItemFeature):
        return _item(feature)
    return _field_value(feature.name, behaviour_field(feature))


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
    if feature.equals is None:
        return _field_value(feature.name, feature.field)
    # A filter scores 1 where it matches; a term query would score by the term's rarity.
    params = {"fq": [f"{{!term f={feature.field}}}{feature.equals}"]}
    return {"name": feature.name, "class": f"{_CLASS}SolrFeature", "params": params}


def _field_value(name: str, field: str) -> Entry:
    return {"name": name, "class": f"{_CLASS}FieldValueFeature", "params": {"field": field}}
