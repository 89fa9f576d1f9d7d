"""LambdaMART by LightGBM: pairwise swaps weighted by what they would change of NDCG (Burges, 2010).

Or XE-NDCG: cross-entropy with a randomised gain per item, whose bound on NDCG is convex (Bruch, WWW 2021).
Grades are what it ranks by; the gain of a grade is the mean expected consumption of its training rows, so that its
own objective leans towards the deciding metric. How many trees are kept is decided by that metric on validation.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from reprise.errors import RepriseError, UsageError
from reprise.metrics import consumption_ndcg
from reprise.settings import Gate, LightGbm
from reprise.solr import convert_lightgbm
from reprise.training.data import Floats, Rows, TrainingData
from reprise.training.family import Fitted, Watch, shares
from reprise.training.labels import mixed

GRADES = 5
METRIC = consumption_ndcg().name
#: Rounds whose training scores may wait to be measured.
_PENDING = 8
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
            return self._spread(data, chosen)
        lgb = _lightgbm()
        params, train = self._ready(data, settings)
        learned, held_out = data.train.only_judged(), data.validation.only_judged()
        kept_back = lgb.Dataset(held_out.vectors, held_out.grade, group=held_out.group_sizes, reference=train)
        curve: dict[str, dict[str, list[float]]] = {}
        with _Aside(learned) as aside:

            def measured(predictions: Floats, of: Any) -> tuple[str, float, bool]:
                if of is train:
                    aside.measure(predictions[data.train.judged])
                    return METRIC, 0.0, True
                return METRIC, held_out.metric(predictions), True

            booster = lgb.train(
                params, train, chosen.trees, valid_sets=[train, kept_back], valid_names=["train", "validation"],
                feval=measured,
                callbacks=[
                    lgb.record_evaluation(curve), _stop_on_validation(chosen.early_stopping_rounds), *_told(watch)
                ],
            )  # fmt: skip
            on_train = aside.values()
        rounds = max(booster.best_iteration, 1)
        text = booster.model_to_string(num_iteration=rounds)
        export = convert_lightgbm(text)
        gains = dict(zip(data.features, booster.feature_importance("gain", iteration=rounds), strict=True))
        return Fitted(
            model=export.model,
            native=("native.txt", text.encode()),
            params={**chosen.model_dump(), "best_round": rounds},
            importances=shares({name: float(gain) for name, gain in gains.items()}),
            curve={"train": on_train, "validation": list(curve["validation"][METRIC])},
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

    def _spread(self, data: TrainingData, chosen: LightGbm) -> Fitted:
        from reprise.training.spread import fit_spread

        if self._objective != "lambdarank":
            raise UsageError(f"XGBoost has no {self._objective}", f"leave {self.name}.engine at lightgbm")
        if chosen.newness:
            raise UsageError("newness is for LightGBM's own labels", f"leave {self.name}.engine at lightgbm")
        return fit_spread(data, chosen, grade_gains(data.train))


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


class _Aside:
    """Measures the training rows in a thread while the next tree grows: their curve decides nothing, and can wait.

    At most a few rounds' scores wait, so that memory is bounded.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._thread = ThreadPoolExecutor(1)
        self._waiting: list[Future[float]] = []

    def __enter__(self) -> _Aside:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def measure(self, scores: Floats) -> None:
        """Take one round's scores, which are the caller's own."""
        if len(self._waiting) >= _PENDING:
            self._waiting[-_PENDING].result()
        self._waiting.append(self._thread.submit(self._rows.metric, scores))

    def values(self) -> list[float]:
        """Return the metric of every round, once it is there."""
        return [one.result() for one in self._waiting]


def _on_validation(env: Any) -> float:
    return float(next(value for name, _, value, _ in env.evaluation_result_list if name == "validation"))


def _told(watch: Watch | None) -> list[Any]:
    """Return the callback that tells a watcher of validation after every round; none where nobody watches."""
    return [lambda env: watch(env.iteration + 1, _on_validation(env))] if watch else []


def _stop_on_validation(rounds: int) -> Any:
    """Return a callback that stops once validation has not risen for some rounds; training's own curve has no say."""
    import lightgbm as lgb

    state: dict[str, float] = {"best": -np.inf, "round": 0}

    def callback(env: Any) -> None:
        score = _on_validation(env)
        if score > state["best"]:
            state.update(best=score, round=env.iteration)
        last = env.iteration == env.end_iteration - 1
        if last or env.iteration - state["round"] >= rounds:
            raise lgb.callback.EarlyStopException(int(state["round"]), env.evaluation_result_list)

    callback.order = 30  # type: ignore[attr-defined]
    return callback
