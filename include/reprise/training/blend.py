"""A blend of two families of trees: a·f₁/σ₁ + (1 − a)·f₂/σ₂, σ being the spread of each one's scores on validation.

Scores of two rankers are on scales of their own; divided by their spread, a means something: at a half both have the
same say. All shares are tried on scores that are there, nothing is trained again, and Solr serves the sum as one model
of trees.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from reprise.settings import Gate
from reprise.solr import blend
from reprise.training.data import Floats, TrainingData
from reprise.training.dropped import NothingLearnedError
from reprise.training.family import Fitted, find_family, shares
from reprise.training.tuning.front import choose
from reprise.training.tuning.objectives import Objectives, serving_cost
from reprise.training.tuning.report import front_reports

SHARES = np.linspace(0, 1, 21)


class BlendFamily:
    """Two families trained as they are, and the share of each that validation likes best."""

    name = "blend"

    def fit(self, data: TrainingData, settings: Gate) -> Fitted:
        """Return the blend as one model of trees."""
        parts = [find_family(name).fit(data, settings) for name in settings.blend.of]
        return blended(parts, data, settings, Objectives(["consumption_ndcg"]))[0]


def blended(
    parts: Sequence[Fitted], data: TrainingData, gate: Gate, objectives: Objectives
) -> tuple[Fitted, dict[str, bytes]]:
    """Return the blend, and the reports of the front over all shares where there are several aims."""
    scores = [part.scores(data.validation).astype(float) for part in parts]
    spreads = [float(np.std(one)) for one in scores]
    if not all(spreads):
        raise NothingLearnedError(
            f"{gate.blend.of[spreads.index(0.0)]} scores all validation rows alike",
            "blend families that learn something",
        )
    scaled = [one / spread for one, spread in zip(scores, spreads, strict=True)]
    tried = SHARES if gate.blend.share is None else np.array([gate.blend.share])
    values = _values(parts, scaled, tried, data, objectives)
    points = np.array(list(values.values())).T * objectives.signs
    choice = choose(points, gate.tuning.choose, gate.tuning.allowed_loss)
    told = [
        {"share": float(share), "values": {name: float(column[n]) for name, column in values.items()}}
        for n, share in enumerate(tried)
    ]
    reports = {}
    if len(objectives.names) > 1 and len(tried) > 1:
        title = f"blends of {' and '.join(gate.blend.of)} by the share of the first, on the queries that chose"
        reports = front_reports(title, objectives.names, told, points, choice.point)
    return _fitted(parts, spreads, float(tried[choice.point]), data, gate, told), reports


def _values(
    parts: Sequence[Fitted], scaled: Sequence[Floats], tried: Floats, data: TrainingData, objectives: Objectives
) -> dict[str, Floats]:
    """Return objective → its value at each share."""
    rows = data.validation
    found: dict[str, Floats] = {}
    for name in objectives.names:
        if name == "serving_cost":
            costs = [serving_cost(part, rows) for part in parts]
            found[name] = (tried > 0) * costs[0] + (tried < 1) * costs[1]
        else:
            mixes = (share * scaled[0] + (1 - share) * scaled[1] for share in tried)
            found[name] = np.array([objectives.of_order(name, mix, rows) for mix in mixes])
    return found


def _fitted(
    parts: Sequence[Fitted], spreads: Sequence[float], share: float, data: TrainingData, gate: Gate, told: list[Any]
) -> Fitted:
    weights = (share, 1 - share)
    model = blend([part.model for part in parts], [w / spread for w, spread in zip(weights, spreads, strict=True)])
    names = gate.blend.of
    of_parts = {
        f"{one}.{key}": value for one, part in zip(names, parts, strict=True) for key, value in part.params.items()
    }
    native = {"of": names, "share": share, "spreads": list(spreads), "models": [part.model for part in parts]}
    both = [
        {name: w * value for name, value in part.importances.items()} for w, part in zip(weights, parts, strict=True)
    ]
    return Fitted(
        model=model,
        native=("native.json", json.dumps(native, indent=1).encode()),
        params={"of": names, "share": share, **of_parts},
        importances=shares({name: both[0].get(name, 0.0) + both[1].get(name, 0.0) for name in data.features}),
        notes={"blends": told},
    ).measured(data)
