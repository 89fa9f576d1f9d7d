"""LambdaMART by LightGBM: pairwise swaps weighted by what they would change of NDCG (Burges, 2010).

Or XE-NDCG: cross-entropy with a randomised gain per item, whose bound on NDCG is convex (Bruch, WWW 2021).
Grades are what it ranks by; the gain of a grade is the mean expected consumption of its training rows, so that its
own objective leans towards the deciding metric. How many trees are kept is decided by that metric on validation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from reprise.errors import RepriseError
from reprise.metrics import consumption_ndcg
from reprise.settings import Gate, LightGbm
from reprise.solr import convert_lightgbm
from reprise.training.data import Floats, Rows, TrainingData
from reprise.training.family import Fitted, Watch, shares
from reprise.training.labels import mixed
from reprise.training.rounds import grow

GRADES = 5
METRIC = consumption_ndcg().name
#: Threads that share so few rows wait for one another longer than they work, many times so on a busy machine.
_FEW_ROWS = 50_000


class LambdaMart:
    """Gradient-boosted trees with the LambdaRank objective."""

    def __init__(self, name: str = "lambdamart", objective: str = "lambdarank") -> None:
        self.name = name
        self._objective = objective

    def fit(self, data: TrainingData, settings: Gate, watch: Watch | None = None) -> Fitted:
        """Return the trees up to validation's best round."""
        chosen: LightGbm = getattr(settings, self.name)
        if chosen.engine == "xgboost":
            return self._spread(data, settings, chosen)
        lgb = _lightgbm()
        params, train = self._ready(data, settings)
        learned, held_out = data.train.only_judged(), data.validation.only_judged()
        booster = lgb.Booster(params, train)
        rounds = grow(booster, chosen.trees, chosen.early_stopping_rounds, (learned, held_out), watch)
        text = booster.model_to_string(num_iteration=rounds.best)
        export = convert_lightgbm(text)
        gains = dict(zip(data.features, booster.feature_importance("gain", iteration=rounds.best), strict=True))
        return Fitted(
            model=export.model,
            native=("native.txt", text.encode()),
            params={**chosen.model_dump(), "best_round": rounds.best},
            importances=shares({name: float(gain) for name, gain in gains.items()}),
            curve=rounds.curve,
            notes={"misrouted_rows": export.misrouted(data.validation.vectors, data.features)},
        )

    def grown(self, data: TrainingData, settings: Gate, trees: int) -> Callable[[Rows], Floats]:
        """Return how so many trees score, nobody watching while they grow: for fits that are only compared."""
        params, train = self._ready(data, settings)
        booster = _lightgbm().train(params, train, trees)
        return lambda rows: np.asarray(booster.predict(rows.vectors), float)

    def _ready(self, data: TrainingData, settings: Gate) -> tuple[dict[str, Any], Any]:
        chosen: LightGbm = getattr(settings, self.name)
        data = replace(data, train=mixed(data, settings, chosen.newness))
        params = {**parameters(chosen, data), "objective": self._objective}
        rows = data.train
        train = _lightgbm().Dataset(
            rows.vectors, rows.grade, weight=rows.weight, group=rows.group_sizes, feature_name=data.features,
            params=params, free_raw_data=False,
        )  # fmt: skip
        return params, train

    def _spread(self, data: TrainingData, settings: Gate, chosen: LightGbm) -> Fitted:
        from reprise.training.spread import fit_spread

        return fit_spread(data, settings, chosen, grade_gains(mixed(data, settings, chosen.newness)))


def _lightgbm() -> Any:
    try:
        import lightgbm
    except OSError as error:
        raise RepriseError(
            f"LightGBM cannot be loaded: {error}", "install the OpenMP runtime (libgomp1 on Debian and Ubuntu)"
        ) from None
    return lightgbm


def parameters(chosen: LightGbm, data: TrainingData) -> dict[str, Any]:
    """Return LightGBM's parameters for LambdaRank: deterministic, and nothing that Solr's trees cannot say."""
    signs = [data.monotone.get(name, 0) for name in data.features]
    return {
        "objective": "lambdarank",
        "metric": "None",
        "label_gain": grade_gains(data.train),
        "num_leaves": chosen.leaves,
        "learning_rate": chosen.learning_rate,
        "min_data_in_leaf": chosen.min_rows_per_leaf,
        "feature_fraction": chosen.features_share,
        "use_missing": False,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1 if len(data.train.codes) < _FEW_ROWS else 2,
        "seed": chosen.seed,
        "verbose": -1,
        **({"monotone_constraints": signs} if any(signs) else {}),
    }


def grade_gains(rows: Rows) -> list[float]:
    """Return the gain of grades 0–4: the mean g of judged rows of the grade, 0 for grade 0, never falling."""
    gains = [0.0]
    for grade in range(1, GRADES):
        chosen = rows.judged & (rows.grade == grade)
        gains.append(max(gains[-1], float(rows.g[chosen].mean()) if chosen.any() else gains[-1]))
    return gains
