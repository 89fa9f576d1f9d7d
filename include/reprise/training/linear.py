"""A weighted sum of features, fitted by one of several losses (losses.py); unshown rows count as 0.

Standardisation and principal components are linear, so both are folded back into weights of features, and Solr needs
nothing new. A link (log, logit) is not applied: it keeps the order.
"""

from __future__ import annotations

import json

import numpy as np

from reprise.errors import RepriseError
from reprise.settings import Gate
from reprise.settings.families import Ridge
from reprise.solr import convert_linear
from reprise.training.data import TrainingData
from reprise.training.family import Fitted, shares
from reprise.training.losses import LOSSES, Fit
from reprise.training.standardised import Standardised, standardised


class LinearFamily:
    """The baseline that trees have to beat, under each loss that people ask for."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._loss = LOSSES[name]

    def fit(self, data: TrainingData, settings: Gate) -> Fitted:
        """Return the weights that the loss finds; a fit that does not converge to finite numbers is an error."""
        chosen: Ridge = getattr(settings, self.name)
        ready = standardised(data, chosen, self.name)
        found = self._fit(ready, chosen)
        weights = dict(zip(data.features, (ready.axes @ found.weights).tolist(), strict=True))
        means = dict(zip(data.features, ready.means.tolist(), strict=True))
        deviations = dict(zip(data.features, ready.deviations.tolist(), strict=True))
        export = convert_linear(weights, found.intercept, means, deviations)
        native = {"weights": weights, "intercept": found.intercept, "means": means, "deviations": deviations}
        return Fitted(
            model=export.model,
            native=("native.json", json.dumps(native, indent=1).encode()),
            params=chosen.model_dump(),
            importances=shares(weights),
            extra_features=export.extra_features,
            notes=found.notes,
        ).measured(data)

    def _fit(self, ready: Standardised, chosen: Ridge) -> Fit:
        found = self._loss.fit(ready.rows, chosen)
        ready.rows.unpersist()
        if not np.isfinite([*found.weights, found.intercept]).all():
            raise RepriseError(
                f"the {self.name} regression does not converge", f"raise {self.name}.ridge, or leave the family out"
            )
        return found
