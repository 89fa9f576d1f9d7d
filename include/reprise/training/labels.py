"""Labels that say more than what was consumed: a mix of that and of being new, to bring new releases up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reprise.errors import UsageError
from reprise.settings import Gate
from reprise.training.data import Rows, TrainingData


def mixed(data: TrainingData, settings: Gate, share: float) -> Rows:
    """Return the training rows with g' = (1 − share)·g + share·new, and the grade of g' by the cuts of the judgments.

    ``new`` is 1 for items of at most ``tuning.new_days``, else 0. Rows that nobody was shown count as g = 0, so a new
    item among them is worth ``share``.
    """
    if not share:
        return data.train
    if not data.age:
        raise UsageError(
            "newness needs an item's age, and no feature that is learned from has it",
            "add a feature of kind item with `age: true` to solr.yaml, or set newness to 0",
        )
    rows = data.train
    new = rows.vectors[:, rows.names.index(data.age)] <= settings.tuning.new_days
    g = (1 - share) * np.where(rows.judged, rows.g, 0.0) + share * new
    grade = np.searchsorted(settings.judging.grade_cuts, g, side="right").astype(np.int64)
    return replace(rows, g=g, grade=grade)
