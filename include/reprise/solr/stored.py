"""How large Solr's own files are or will be: its list of models, its list of features, the request parameters.

In SolrCloud each is one node of ZooKeeper, which by default takes 1,048,575 bytes with what stands around them. Of the
lists Solr says nothing when a write fails: it answers 200, and the next reload forgets (measured on 8.11.4).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reprise.solr.score import IDENTITY

_LIST = {"initArgs": {}, "initializedOn": "2026-11-27T13:45:14.352Z"}  # what Solr writes before the list


def written_bytes(content: Any, indent: int | None, _level: int = 1) -> int:
    """Return how many bytes Solr writes for a JSON value: entries on lines of their own where there are several.

    ``indent`` is of ``Capabilities``; None: without any spaces. Exact but for the way numbers are written.
    """
    if not isinstance(content, dict | list):
        return len(json.dumps(content, ensure_ascii=False).encode())
    if isinstance(content, dict):
        entries = sum(
            len(json.dumps(key, ensure_ascii=False).encode()) + 1 + written_bytes(value, indent, _level + 1)
            for key, value in content.items()
        )
    else:
        entries = sum(written_bytes(value, indent, _level + 1) for value in content)
    lines = len(content) * (1 + _level * indent) if indent is not None and len(content) > 1 else 0
    return 2 + entries + max(0, len(content) - 1) + lines


def model_bytes(model: dict[str, Any], indent: int | None) -> int:
    """Return how many bytes a model takes in the list of models."""
    return written_bytes(_with_norms(model), indent, 3)


def models_bytes(models: Sequence[dict[str, Any]], indent: int | None) -> int:
    """Return how large the file with these models is."""
    return written_bytes({**_LIST, "managedList": [_with_norms(model) for model in models]}, indent)


def features_bytes(features: Sequence[dict[str, Any]], indent: int | None) -> int:
    """Return how large the file with these features, of all stores, is."""
    return written_bytes({**_LIST, "managedList": list(features)}, indent)


def _with_norms(model: dict[str, Any]) -> dict[str, Any]:
    return {**model, "features": [{"norm": {"class": IDENTITY}, **feature} for feature in model["features"]]}
