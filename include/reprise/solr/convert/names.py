"""Feature names as Solr's log can hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reprise.errors import UsageError

MAX_FEATURES = 100_000  # what says more is damaged
_FEATURE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")


def checked(name: str) -> str:
    """Return the name; one that would break Solr's feature log is a UsageError."""
    if not _FEATURE_NAME.fullmatch(name):
        raise UsageError(f"the feature name {name!r} cannot stand in Solr's log", "use letters, digits and _ . -")
    return name


def chosen(given: Sequence[str] | None, own: Sequence[str], count: int, first: int = 0) -> list[str]:
    """Return a model's ``count`` feature names: those given, else its own, else f<first>, f<first + 1>, …"""
    if not 0 < count <= MAX_FEATURES:
        raise UsageError(f"the model says it has {count} features", f"give one of 1 to {MAX_FEATURES:,}")
    names = list(given or own or [f"f{number}" for number in range(first, first + count)])
    if len(names) != count:
        raise UsageError(f"the model has {count} features, but {len(names)} names were given", "give one for each")
    if len(set(names)) != len(names):
        raise UsageError("a feature name is given twice", "give each feature a name of its own")
    return [checked(name) for name in names]
