"""Two tree models as one: a weighted sum of additive trees is again additive trees, so Solr serves it as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reprise.errors import UsageError
from reprise.solr.numbers import float_text
from reprise.solr.score import TREES, check_model


def blend(parts: Sequence[Mapping[str, Any]], factors: Sequence[float]) -> dict[str, Any]:
    """Return the Solr model (without name and store) whose score is ``Σ factor · score of the part``.

    Each factor goes into the weights of its part's trees, rounded to float32 as Solr reads them; trees are added in the
    parts' order. A part with the factor 0 is left out. Anything but trees, or factors that are all 0: UsageError.
    """
    used = [(part, factor) for part, factor in zip(parts, factors, strict=True) if factor]
    if not used:
        raise UsageError(f"a blend with the factors {list(factors)} has no trees", "give one of them a factor above 0")
    for part, _ in used:
        if part.get("class") != TREES:
            raise UsageError(
                f"a model of the class {part.get('class')!r} cannot be blended", "blend models of trees with each other"
            )
        check_model(part)
    features = dict.fromkeys(feature["name"] for part, _ in used for feature in part["features"])
    trees = [
        {"weight": float_text(factor * float(tree["weight"])), "root": tree["root"]}
        for part, factor in used
        for tree in part["params"]["trees"]
    ]
    return {"class": TREES, "features": [{"name": name} for name in features], "params": {"trees": trees}}
