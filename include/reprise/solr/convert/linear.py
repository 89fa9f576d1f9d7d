"""A weighted sum as Solr's linear model: scaling folded in, the constant a feature of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reprise.errors import UsageError
from reprise.solr.convert.names import checked
from reprise.solr.numbers import float_text
from reprise.solr.score import LINEAR

INTERCEPT = "intercept"


@dataclass(frozen=True)
class LinearExport:
    """A Solr model without ``name`` and ``store``, and the feature-store entries it needs beyond the caller's own."""

    model: dict[str, Any]
    extra_features: list[dict[str, Any]] = field(default_factory=list)

    def misrouted(self, features: object, names: object) -> int:
        """Return 0: a weighted sum sends no row another way."""
        return 0


def convert_linear(
    weights: Mapping[str, float],
    intercept: float = 0.0,
    means: Mapping[str, float] | None = None,
    deviations: Mapping[str, float] | None = None,
) -> LinearExport:
    """Return the Solr model of ``intercept + Σ weight·(value − mean)/deviation``, standardisation folded in.

    A deviation of 0 marks a constant feature: its weight becomes 0, as Spark's StandardScaler makes its value 0.
    Solr has no intercept: one that is not 0 is the weight of an extra feature that is always 1.
    """
    if not weights:
        raise UsageError("a linear model without weights", "train on at least one feature")
    if INTERCEPT in weights:
        raise UsageError(f"a feature is named {INTERCEPT!r}", "rename it: the name stands for the model's constant")
    folded: dict[str, float] = {}
    constant = float(intercept)
    for name, weight in weights.items():
        deviation = 1.0 if deviations is None else float(deviations[name])
        slope = float(weight) / deviation if deviation else 0.0
        constant -= slope * (0.0 if means is None else float(means[name]))
        folded[checked(name)] = slope
    extra: list[dict[str, Any]] = []
    if constant:
        folded[INTERCEPT] = constant
        extra = [{"name": INTERCEPT, "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 1}}]
    numbers = {name: float(float_text(value)) for name, value in folded.items()}
    model = {"class": LINEAR, "features": [{"name": name} for name in folded], "params": {"weights": numbers}}
    return LinearExport(model=model, extra_features=extra)
