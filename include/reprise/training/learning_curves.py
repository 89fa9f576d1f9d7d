"""What would help a ranker: more data, or another size of it? Fits beside the candidate's, on fewer queries and others.

Four looks, each by the deciding metric on judged rows: over the number of training queries (nested subsets), over how
flexible the family is, over training queries drawn anew (bootstrap), and over parts of the training queries held out.
All with as many trees as the candidate has, so that validation has no second say.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

from reprise.metrics import means
from reprise.settings import Gate
from reprise.settings.diagnosis import Diagnosis
from reprise.settings.families import Forest, LightGbm
from reprise.training.data import Floats, Rows, TrainingData
from reprise.training.diagnose import Curves, Shape, diagnose_curves, standard_error
from reprise.training.draws import all_but, bootstrap, share
from reprise.training.family import Family, Fitted
from reprise.training.lambdamart import LambdaMart

logger = logging.getLogger(__name__)

Scorer = Callable[[Rows], Any]
#: A subset of fewer queries says nothing of a curve.
_FEWEST = 5


@dataclass(frozen=True)
class Point:
    """One fit's metric on its own judged rows and on validation's. ``at``: share of the queries, or the setting."""

    at: float
    queries: int
    train: float
    held_out: float

    @property
    def counts(self) -> bool:
        """Whether any query has a value on either side."""
        return bool(np.isfinite([self.train, self.held_out]).all())


@dataclass(frozen=True)
class Learning:
    """``sizes`` and ``complexity`` hold the candidate itself too; ``setting``: what ``complexity`` changes.

    ``resamples`` and ``folds``: the metric of each fit, on validation and on the fold held out.
    """

    sizes: list[Point]
    setting: str
    complexity: list[Point]
    resamples: list[float]
    folds: list[float]
    curves: Curves
    verdict: Shape
    words: str
    seconds: float


def learn(trainer: Family, data: TrainingData, gate: Gate, fitted: Fitted, chance: float) -> Learning | None:
    """Return what the fits asked for in ``gate.diagnosis`` say; None where none is asked for, or no query counts.

    Of a blend its parts say it. ``chance``: a random order's metric on the training rows.
    """
    if trainer.name == "blend":
        return None
    asked = _asked(gate, trainer)
    gate = gate.model_copy(update={"diagnosis": asked})
    if not (asked.sizes or asked.complexity or asked.resamples or asked.folds > 1):
        return None
    started = time.monotonic()
    fits = _Fits(trainer, data, gate, fitted)
    whole = fits.values(fitted.scores)
    own = fits.point(1.0, data, fitted.scores, whole)
    if not own.counts:
        return None
    sizes, parts = _sizes(fits)
    setting, complexity, flexible = _complexity(fits, whole)
    resamples = [
        fits.metric(fits.values(fits.fit(data.drawn(bootstrap(asked.seed + n))))) for n in range(asked.resamples)
    ]
    folds = _folds(fits)
    spread = float(np.std(resamples, ddof=1)) if len(resamples) > 1 else 0.0
    rise, rise_error = _rise(fits, whole, parts, spread)
    error = standard_error(whole, fits.held_out.traffic_per_query)
    curves = Curves(own.train, own.held_out, error, chance, rise, rise_error, *flexible, spread)
    verdict, words = diagnose_curves(curves, setting, gate.policy.max_train_gap)
    if complexity:
        complexity = sorted([*complexity, _at(own, fits.setting(setting))], key=lambda point: point.at)
    return Learning(
        [*sizes, own], setting, complexity,
        resamples, folds, curves, verdict, words, round(time.monotonic() - started, 3),
    )  # fmt: skip


def _asked(gate: Gate, trainer: Family) -> Diagnosis:
    """Return what is asked for of a family: of one that Spark trains, little, unless in full."""
    asked = gate.diagnosis
    if asked.spark == "full" or _quick(trainer, getattr(gate, trainer.name)):
        return asked
    half = [min(asked.sizes, key=lambda size: abs(size - 0.5))] if asked.sizes else []
    return asked.model_copy(update={"sizes": half, "complexity": [], "resamples": 0, "folds": 0})


def _quick(trainer: Family, chosen: Any) -> bool:
    return isinstance(trainer, LambdaMart) and chosen.engine == "lightgbm"


class _Fits:
    """Fits of one family as the candidate was fitted, and how they are measured."""

    def __init__(self, trainer: Family, data: TrainingData, gate: Gate, fitted: Fitted) -> None:
        known = type(getattr(gate, trainer.name)).model_fields
        self.chosen = getattr(gate, trainer.name).model_copy(
            update={name: value for name, value in fitted.params.items() if name in known}
        )
        self.trainer, self.data, self.gate = trainer, data, gate
        self.trees = int(fitted.params.get("best_round", 0))
        self.held_out = data.validation.only_judged()

    def fit(self, data: TrainingData, **changes: Any) -> Scorer:
        """Return how the family scores after learning from this data, some settings changed."""
        chosen = self.chosen.model_copy(update=changes)
        if isinstance(self.trainer, LambdaMart) and _quick(self.trainer, chosen):
            return self.trainer.grown(data, self.gate.model_copy(update={self.trainer.name: chosen}), self.trees)
        if isinstance(chosen, LightGbm):
            chosen = chosen.model_copy(update={"trees": self.trees, "early_stopping_rounds": self.trees})
        return self.trainer.fit(data, self.gate.model_copy(update={self.trainer.name: chosen})).scores

    def trees_instead(self) -> Scorer:
        """Return how LambdaMART scores after learning from the same data, as `gate.yaml` sets it."""
        return LambdaMart().grown(self.data, self.gate, self.gate.lambdamart.trees)

    def values(self, scorer: Scorer) -> Floats:
        """Return the metric by validation query."""
        return self.held_out.per_query(scorer(self.held_out))

    def metric(self, values: Floats) -> float:
        """Return the mean of values by validation query."""
        return means(values, self.held_out.traffic_per_query).traffic_weighted

    def point(self, at: float, data: TrainingData, scorer: Scorer, values: Floats) -> Point:
        """Return a fit's point; ``values``: by validation query."""
        learned = data.train.only_judged()
        return Point(at, learned.queries, learned.metric(scorer(learned)), self.metric(values))

    def setting(self, name: str) -> float:
        """Return a setting as the candidate had it; 0 for none."""
        return float(getattr(self.chosen, name)) if name else 0.0

    def beside(self, values: Floats, others: Floats) -> tuple[float, float]:
        """Return the difference of two fits on validation and its standard error, paired by query."""
        return self.metric(values - others), standard_error(values - others, self.held_out.traffic_per_query)


def _sizes(fits: _Fits) -> tuple[list[Point], dict[float, Floats]]:
    """Return the curve over data without its end, and each point's values by validation query."""
    asked, points, parts = fits.gate.diagnosis, [], {}
    for size in asked.sizes:
        some = fits.data.drawn(share(size, asked.seed))
        if some.train.only_judged().queries < _FEWEST:
            continue
        scorer = fits.fit(some)
        values = fits.values(scorer)
        point = fits.point(size, some, scorer, values)
        if point.counts:
            parts[size] = values
            points.append(point)
        logger.info("%.0f %% of the queries: %s", 100 * size, point)
    return points, parts


def _rise(fits: _Fits, whole: Floats, parts: dict[float, Floats], spread: float) -> tuple[float, float]:
    """Return what the last doubling of the queries brought on validation, and its standard error.

    From the size nearest to a half up to all. Two sources of error: the held-out queries, paired; and the luck of the
    draw, whose variance is ``spread``² for all queries and 1/size of it for a part of them, nested in all.
    """
    if not parts:
        return float("nan"), float("nan")
    size = min(parts, key=lambda one: abs(one - 0.5))
    gained, error = fits.beside(whole, parts[size])
    doublings = log2(1 / size)
    return gained / doublings, float(np.hypot(error, spread * np.sqrt(1 / size - 1))) / doublings


def _complexity(fits: _Fits, whole: Floats) -> tuple[str, list[Point], tuple[float, float]]:
    """Return the setting, the other points over it, and what a more flexible ranker gains on validation, with error.

    That is the family's own most flexible point; a weighted sum only becomes flexible as trees.
    """
    setting, steps = _steps(fits.chosen, fits.gate.diagnosis.complexity)
    points, gain = [], (float("nan"), float("nan"))
    for multiple, value in steps.items():
        scorer = fits.fit(fits.data, **{setting: value})
        values = fits.values(scorer)
        points.append(fits.point(value, fits.data, scorer, values))
        gain = fits.beside(values, whole) if multiple > 1 else gain
        logger.info("%s %g: %s", setting, value, points[-1])
    if setting == "ridge":
        gain = fits.beside(fits.values(fits.trees_instead()), whole)
    return setting, points, gain


def _steps(chosen: Any, multiples: list[float]) -> tuple[str, dict[float, float]]:
    """Return the setting that makes a family flexible, and by multiple its values other than the candidate's own.

    Twice as flexible is twice the leaves, one more level of depth, or a tenth of the penalty.
    """
    if isinstance(chosen, LightGbm):
        name, values = "leaves", {m: max(2, round(chosen.leaves * m)) for m in multiples}
    elif isinstance(chosen, Forest):
        name, values = "depth", {m: min(30, max(1, chosen.depth + round(log2(m)))) for m in multiples}
    elif getattr(chosen, "ridge", 0.0):
        name, values = "ridge", {m: chosen.ridge * 10 ** -log2(m) for m in multiples}
    else:
        return "", {}
    own, found = getattr(chosen, name), dict[float, float]()
    for multiple, value in values.items():
        if value != own and value not in found.values():
            found[multiple] = value
    return name, found


def _folds(fits: _Fits) -> list[float]:
    """Return the metric on each part of the training queries, of the fit on all others."""
    asked, data = fits.gate.diagnosis, fits.data
    found: list[float] = []
    for fold in range(asked.folds if asked.folds > 1 else 0):
        draw = all_but(fold, asked.folds, asked.seed)
        out = data.train.where(draw.times(data.queries)[data.train.codes] == 0).only_judged()
        value = out.metric(fits.fit(data.drawn(draw))(out)) if out.queries else float("nan")
        found += [value] if np.isfinite(value) else []
    return found


def _at(point: Point, at: float) -> Point:
    return Point(at, point.queries, point.train, point.held_out)
