"""What a trial is valued by: how good its order is, what it costs to serve, how much it shows of what is new.

All but the cost are of the first ten places, per search (queries weighted by traffic), on the rows that choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reprise.errors import UsageError
from reprise.metrics import means
from reprise.metrics.ranking import rank
from reprise.settings.tuning import Objective
from reprise.solr.cost import steps_per_document
from reprise.training.data import Floats, Rows
from reprise.training.family import Fitted

PLACES = 10
#: More is better (1), or less is (−1).
SIGNS: dict[Objective, int] = {
    "consumption_ndcg": 1,
    "expected_consumption": 1,
    "serving_cost": -1,
    "new_release_exposure": 1,
}


@dataclass(frozen=True)
class Objectives:
    """``theta``: how likely each place is looked at. ``age``: the feature that is an item's age in days, if any."""

    names: Sequence[Objective]
    theta: Sequence[float] = ()
    age: str = ""
    new_days: float = 28.0

    @property
    def signs(self) -> Floats:
        """Return 1 or −1 for each objective, as more or less of it is better."""
        return np.array([SIGNS[name] for name in self.names], float)

    def check(self, features: Sequence[str]) -> None:
        """Ensure that every objective can be measured on these features."""
        if "new_release_exposure" in self.names and self.age not in features:
            raise UsageError(
                "new_release_exposure needs an item's age, and no feature that is learned from has it",
                "add a feature of kind item with `age: true` to solr.yaml, or leave the objective out",
            )

    def values(self, fitted: Fitted, rows: Rows) -> dict[str, float]:
        """Return the ranker's value for each objective."""
        found: dict[str, float] = {}
        scores: Floats | None = None
        for name in self.names:
            if name == "consumption_ndcg":
                found[name] = kept_value(fitted)
            elif name == "serving_cost":
                found[name] = serving_cost(fitted, rows)
            else:
                scores = fitted.scores(rows).astype(float) if scores is None else scores
                found[name] = self.of_order(name, scores, rows)
        return found

    def of_order(self, name: Objective, scores: Floats, rows: Rows) -> float:
        """Return an objective that is about an order alone."""
        if name == "consumption_ndcg":
            judged = rows.only_judged()
            return judged.metric(scores[rows.judged])
        exposure = rank(rows.codes, scores, rows.queries).exposure(self._theta(), len(rows.codes))
        if name == "expected_consumption":
            found = _sums(rows, exposure * np.where(rows.judged, np.nan_to_num(rows.g), 0.0))
        else:
            new = rows.vectors[:, rows.names.index(self.age)] <= self.new_days
            found = _sums(rows, exposure * new) / _sums(rows, exposure)
        return means(found, rows.traffic_per_query).traffic_weighted

    def _theta(self) -> Floats:
        """Return the curve over the first places; its last value stands for those it lacks."""
        known = list(self.theta)[:PLACES]
        return np.array(known + known[-1:] * (PLACES - len(known)), float)


def _sums(rows: Rows, values: Floats) -> Floats:
    return np.bincount(rows.codes, weights=values, minlength=rows.queries).astype(float)


def kept_value(fitted: Fitted) -> float:
    """Return the deciding metric on validation at the kept round, as the family measured it."""
    return float(fitted.curve["validation"][int(fitted.params.get("best_round", 1)) - 1])


def serving_cost(fitted: Fitted, rows: Rows) -> float:
    """Return steps per document: splits passed on the way through all trees, or weights added."""
    return steps_per_document(fitted.model, *fitted.vectors(rows))
