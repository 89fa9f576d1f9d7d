"""The catalogue as people read it: one row per feature, and what the application has to send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reprise.features.catalogue import cost_class, request_parameters, store_entries
from reprise.settings import BehaviourFeature, ContextFeature, Feature, ItemFeature, MatchFeature, QueryFeature, Solr

_SENT = {
    "characters": "how many characters",
    "words": "how many words",
    "last_word": "characters of the last word",
    "script": "share of the letters that are {}",
    "says": "1 where one of {} is among the words, else 0",
    "language": "the listener's language, as in the item's field",
}


def markdown(solr: Solr) -> str:
    """Return the features as a table in vector order, and a second one of request parameters where there are any."""
    features = [
        (f"`{f.name}`", f.kind, f.meaning, f"`{_made_of(f)}`", f"{f.default:g}", f.monotone or "", cost_class(f))
        for f in solr.features
    ]
    text = _table(("feature", "kind", "meaning", "made of", "default", "known to be", "cost"), features)
    parameters = request_parameters(solr, store_entries(solr), {})
    if not parameters:
        return text
    sent = [
        (
            f"`{name}`",
            _SENT[one["computes"]].format(", ".join(one["of"])),
            f"`{one['default']}`" if one["default"] else "",
        )
        for name, one in parameters.items()
    ]
    return f"{text}\n\n{_table(('sent with each search', 'value', 'if not sent'), sent)}"


def _made_of(feature: Feature) -> str:
    match feature:
        case MatchFeature():
            return feature.query or "score"
        case QueryFeature():
            return " ".join([feature.computes, *feature.of])
        case ItemFeature(equals=str()):
            return f"{feature.field} = {feature.equals}"
        case ItemFeature():
            return f"days since {feature.field}" if feature.age else feature.field
        case ContextFeature():
            return f"{feature.field} = {feature.context}"
        case BehaviourFeature():
            return f"{feature.measure}, {feature.days} days"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
