"""Features taken away one by one, the ranker trained anew each time: how few does it take?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reprise.metrics import compare
from reprise.selection.importance import Scorer, permutation_importance, unneeded_first
from reprise.training.data import Rows, TrainingData

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """A ranker trained on some features, beside the one trained on all; on validation, paired by query."""

    features: list[str]
    removed: str  # what the step before still had; empty at the first
    metric: float
    difference: float
    lower: float
    upper: float


#: Trains on what it is given and returns how it scores.
Fit = Callable[[TrainingData], Scorer]


def backward(
    data: TrainingData, fit: Fit, dearness: Callable[[str], int], confidence: float = 0.95, seed: int = 0
) -> list[Step]:
    """Return the path from all features to one.

    Before each step the importance of what is left is measured anew, since what repeated a removed feature now counts.
    """
    left, removed = list(data.features), ""
    path: list[Step] = []
    whole = None
    while True:
        some = only(data, left)
        scorer, judged = fit(some), some.validation.only_judged()
        values = judged.per_query(scorer(judged.vectors))
        whole = values if whole is None else whole
        beside = compare(values, whole, judged.traffic_per_query, confidence=confidence, seed=seed)
        metric = judged.metric(scorer(judged.vectors))
        path.append(Step(list(left), removed, metric, beside.difference, beside.lower, beside.upper))
        log.info("%d features: %.4f, without %s", len(left), metric, removed or "none")
        if len(left) == 1:
            return path
        importances = permutation_importance(judged, scorer, repeats=2, confidence=confidence, seed=seed)
        removed = unneeded_first(importances, dearness)[0].name
        left.remove(removed)


def fewest(path: Sequence[Step], allowed_loss: float) -> Step:
    """Return the step with the fewest features whose interval holds no loss larger than what is allowed.

    At the first step the difference is 0 by itself, so there always is one.
    """
    return min((step for step in path if step.lower >= -allowed_loss), key=lambda step: len(step.features))


def only(data: TrainingData, names: Sequence[str]) -> TrainingData:
    """Return the data with these features alone, in the data's own order."""
    kept = [name for name in data.features if name in set(names)]
    columns = [data.features.index(name) for name in kept]

    def cut(rows: Rows) -> Rows:
        return replace(rows, names=kept, vectors=rows.vectors[:, columns])

    return replace(data, features=kept, train=cut(data.train), validation=cut(data.validation))
