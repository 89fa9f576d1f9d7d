"""A weighted sum of features, fitted by one of several losses (losses.py); unshown rows count as 0.

Standardisation and principal components are linear, so both are folded back into weights of features, and Solr needs
nothing new. A link (log, logit) is not applied: it keeps the order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from reprise.errors import RepriseError
from reprise.settings import Gate
from reprise.settings.families import Ridge
from reprise.solr import convert_linear
from reprise.training.data import TrainingData
from reprise.training.dropped import NothingLearnedError
from reprise.training.family import Fitted, shares
from reprise.training.losses import LOSSES
from reprise.training.signs import keeping
from reprise.training.standardised import standardised


class LinearFamily:
    """The baseline that trees have to beat, under each loss that people ask for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._loss = LOSSES[name]

    def fit(self, data: TrainingData, settings: Gate) -> Fitted:
        """Return the weights that the loss finds, none against a feature's known sign.

        A fit that does not converge to finite numbers, or keeps no feature, is an error.
        """
        chosen: Ridge = getattr(settings, self.name)
        learned, held = keeping(
            data.monotone,
            data.features,
            lambda names: self._learned(data.only(names), chosen, len(data.features)),
            attrgetter("weights"),
        )
        if learned is None or not any([*learned.weights.values(), learned.intercept]):
            raise NothingLearnedError(
                f"the {self.name} regression keeps no feature",
                f"lower its penalties in gate.yaml, look at `monotone` in solr.yaml, or leave {self.name} out",
            )
        weights = {name: learned.weights.get(name, 0.0) for name in data.features}
        scale = {name: learned.scale.get(name, (0.0, 1.0)) for name in data.features}
        means, deviations = ({name: pair[part] for name, pair in scale.items()} for part in (0, 1))
        export = convert_linear(weights, learned.intercept, means, deviations)
        native = {"weights": weights, "intercept": learned.intercept, "means": means, "deviations": deviations}
        return Fitted(
            model=export.model,
            native=("native.json", json.dumps(native, indent=1).encode()),
            params=chosen.model_dump(),
            importances=shares(weights),
            extra_features=export.extra_features,
            notes={**learned.notes, **({"held_at_zero": held} if held else {})},
        ).measured(data)

    def _learned(self, data: TrainingData, chosen: Ridge, known: int) -> _Learned:
        if chosen.components and chosen.components <= known:  # of all features; fewer are left where some are held
            chosen = chosen.model_copy(update={"components": min(chosen.components, len(data.features))})
        ready = standardised(data, chosen, self.name)
        found = self._loss.fit(ready.rows, chosen)
        ready.rows.unpersist()
        if not np.isfinite([*found.weights, found.intercept]).all():
            raise RepriseError(
                f"the {self.name} regression does not converge", f"raise {self.name}.ridge, or leave the family out"
            )
        weights = dict(zip(data.features, (ready.axes @ found.weights).tolist(), strict=True))
        scale = dict(zip(data.features, zip(ready.means.tolist(), ready.deviations.tolist(), strict=True), strict=True))
        return _Learned(weights, scale, found.intercept, found.notes)


@dataclass(frozen=True)
class _Learned:
    """``weights`` of standardised features; ``scale``: each one's mean and deviation."""

    weights: dict[str, float]
    scale: dict[str, tuple[float, float]]
    intercept: float
    notes: dict[str, float]
