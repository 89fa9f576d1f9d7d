"""Which settings mattered: a small regression tree over the trials, and how much of their spread it really explains.

A tree can be grown over any table, noise too. So what it explains is measured on trials that it was not grown from:
R² of the predictions of a five-fold cross-validation. A trial that was stopped early counts with its best value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reprise.training.data import Floats
from reprise.training.tuning.trials import Trial

MIN_TRIALS = 20
_DEPTH, _FOLDS, _NAMED, _MATTERS = 3, 5, 3, 0.05


@dataclass(frozen=True)
class Rules:
    """``words``: one sentence. ``text``: that and the tree. ``explained``: R² on other trials, None: cannot tell.

    ``settings``: those that matter, with their share of what the tree explains.
    """

    words: str
    text: str
    explained: float | None
    settings: dict[str, float]


def rules_of(trials: Sequence[Trial], objective: str, seed: int) -> Rules:
    """Return what a tree of depth three says of an objective's values; too few trials or mere noise: cannot tell."""
    usable = [(trial, value) for trial in trials if (value := _value(trial, objective)) is not None]
    if len(usable) < MIN_TRIALS:
        return _nothing(f"cannot tell which settings matter: {len(usable)} trials, {MIN_TRIALS} are needed")
    values = np.array([value for _, value in usable])
    names, table = _table([trial for trial, _ in usable])
    if not np.ptp(values):
        return _nothing(f"cannot tell which settings matter: every trial has the same {objective}")
    explained = _explained(table, values, seed)
    if explained <= 0:
        return _nothing(
            f"cannot tell which settings matter: a tree over {len(usable)} trials predicts others no better than a mean"
        )
    from sklearn.tree import export_text

    tree = _tree(len(values), seed).fit(table, values)
    shares = sorted(zip(names, tree.feature_importances_.tolist(), strict=True), key=lambda pair: -pair[1])
    matter = {name: share for name, share in shares[:_NAMED] if share >= _MATTERS}
    words = (
        f"{', '.join(matter)} explain{'' if len(matter) > 1 else 's'} {explained:.0%} of the spread of {objective} "
        f"over {len(usable)} trials"
    )
    return Rules(words, f"{words}\n\n{export_text(tree, feature_names=names, decimals=4)}", explained, matter)


def _nothing(words: str) -> Rules:
    return Rules(words, f"{words}\n", None, {})


def _value(trial: Trial, objective: str) -> float | None:
    if trial.state == "complete":
        return trial.values[objective]
    return max(trial.steps.values()) if trial.state == "pruned" and trial.steps else None


def _table(trials: Sequence[Trial]) -> tuple[list[str], Floats]:
    """Return the settings' names and values; of choices that are no numbers, a column for each choice but one."""
    columns: dict[str, list[float]] = {}
    for name in trials[0].params:
        values = [trial.params[name] for trial in trials]
        if all(isinstance(value, (int, float)) for value in values):
            columns[name] = values
        else:
            choices: list[Any] = sorted(set(values), key=str)
            columns |= {f"{name}={choice}": [float(value == choice) for value in values] for choice in choices[1:]}
    return list(columns), np.array(list(columns.values()), float).T


def _tree(rows: int, seed: int) -> Any:
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(max_depth=_DEPTH, min_samples_leaf=max(2, rows // 10), random_state=seed)


def _explained(table: Floats, values: Floats, seed: int) -> float:
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    return float(r2_score(values, cross_val_predict(_tree(len(values), seed), table, values, cv=folds)))
