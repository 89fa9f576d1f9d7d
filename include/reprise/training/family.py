"""One interface for all families: learn from the training set, export exactly, say what was learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from reprise.errors import UsageError
from reprise.settings import Gate
from reprise.solr import score
from reprise.solr.score import constant
from reprise.training.data import Rows, TrainingData, Vectors

#: Told the round (from 1) and validation's deciding metric after it; what it raises ends the fit.
Watch = Callable[[int, float], None]


@dataclass(frozen=True)
class Fitted:
    """A trained ranker. ``model``: Solr's model without name and store; ``extra_features``: what it needs beyond
    the catalogue; ``native``: file name and bytes of the family's own format; ``curve``: the deciding metric on
    train and validation, one entry per round; ``importances``: feature → share, adding up to 1.
    """

    model: dict[str, Any]
    native: tuple[str, bytes]
    params: dict[str, Any]
    importances: dict[str, float]
    curve: dict[str, list[float]] = field(default_factory=dict)
    extra_features: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def scores(self, rows: Rows) -> Vectors:
        """Return Solr's score of each row."""
        return score(self.model, *self.vectors(rows))

    def vectors(self, rows: Rows) -> tuple[Vectors, list[str]]:
        """Return the rows' vectors with the model's constants beside them, and the names of the columns."""
        fixed = {str(entry["name"]): constant(entry) for entry in self.extra_features}
        extra = np.tile(np.array(list(fixed.values()), np.float32), (len(rows.codes), 1))
        return np.hstack([rows.vectors, extra]), [*rows.names, *fixed]

    def measured(self, data: TrainingData) -> Fitted:
        """Return the ranker with its curve: one round, for families that learn in one step."""
        watched = {"train": data.train.only_judged(), "validation": data.validation.only_judged()}
        return replace(self, curve={role: [rows.metric(self.scores(rows))] for role, rows in watched.items()})


class Family(Protocol):
    """How one kind of ranker is trained."""

    name: str

    def fit(self, data: TrainingData, settings: Gate) -> Fitted:
        """Return the trained ranker; same data and settings, same ranker."""
        ...


def find_family(name: str) -> Family:
    """Return a family by its name."""
    from reprise.training.blend import BlendFamily
    from reprise.training.forest import Forest
    from reprise.training.lambdamart import LambdaMart
    from reprise.training.linear import LinearFamily
    from reprise.training.losses import LOSSES

    trees: list[Family] = [Forest(), LambdaMart(), LambdaMart("xendcg", "rank_xendcg"), BlendFamily()]
    known: list[Family] = [*map(LinearFamily, LOSSES), *trees]
    families = {family.name: family for family in known}
    if name not in families:
        raise UsageError(f"there is no family {name!r}", f"choose one of: {', '.join(families)}")
    return families[name]


def shares(weights: dict[str, float]) -> dict[str, float]:
    """Return absolute weights as shares of their sum, largest first."""
    total = sum(abs(weight) for weight in weights.values()) or 1.0
    ordered = sorted(weights.items(), key=lambda pair: (-abs(pair[1]), pair[0]))
    return {name: abs(weight) / total for name, weight in ordered}
