"""A study of one family's settings: Optuna suggests, the family learns, validation's choosing part values it.

No database: before each trial the study is built anew from the trials in the lake, and the sampler is seeded by the
trial's number. What a trial tries is therefore a function of the trials before it, and a study that was interrupted
goes on as if it had not been.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from reprise.errors import RepriseError
from reprise.objects import ObjectStore
from reprise.settings import Gate
from reprise.settings.families import Family as FamilyName
from reprise.training.data import Floats, TrainingData
from reprise.training.family import Family, Fitted, Watch
from reprise.training.lambdamart import LambdaMart
from reprise.training.tuning.front import choose, front
from reprise.training.tuning.objectives import Objectives
from reprise.training.tuning.report import front_reports
from reprise.training.tuning.space import Params, as_they_stand, distributions, grid, with_params
from reprise.training.tuning.trials import State, Trial, Trials

if TYPE_CHECKING:
    import optuna

logger = logging.getLogger(__name__)

#: Rounds are compared where the sum of their learning rates is the same multiple of this: after equal numbers of
#: rounds a slow learner, which often ends best, would always seem to lag behind.
STRIDE = 0.5
_UNPRUNED_TRIALS = 5
_UNPRUNED_STEPS = 2
_ATTEMPTS = 20


@dataclass
class Study:
    """``data``: its validation rows choose. ``clock`` counts seconds."""

    store: ObjectStore
    folder: str
    trainer: Family
    data: TrainingData
    gate: Gate
    objectives: Objectives
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._tuning = self.gate.tuning
        self._space = self._tuning.space_of(cast(FamilyName, self.trainer.name))
        self._kind = type(getattr(self.gate, self.trainer.name))
        self._distributions = distributions(self._space, self._kind)
        self._points = [as_they_stand(self.gate, self.trainer.name, self._space)]
        if self._tuning.sampler == "grid":
            points = grid(self._space, self._kind, self._tuning.grid_steps, self._tuning.seed)
            self._points += [point for point in points if point != self._points[0]]
        self.trials = Trials(self.store, self.folder)

    def run(self) -> list[Trial]:
        """Return all trials, after as many more as the budget leaves; none complete is an error."""
        found = self.trials.read()
        while self._goes_on(found):
            # Another task may be at the same study, as that of a blend is at its parts': what it did is done.
            found.append(self.trials.find(len(found)) or self._next(found))
        if not any(trial.state == "complete" for trial in found):
            raise RepriseError(
                f"none of {len(found)} trials of {self.trainer.name} came to an end: {found[0].reason}",
                f"correct {self.trainer.name} or tuning.space.{self.trainer.name} in gate.yaml",
            )
        self.trials.forget_rankers(self._improved(found) - {0, self.best(found)[0].number})
        return found

    def points(self, found: list[Trial]) -> tuple[list[Trial], Floats]:
        """Return the complete trials, and their values as rows in which more is always better."""
        complete = [trial for trial in found if trial.state == "complete"]
        values = [[trial.values[name] for name in self.objectives.names] for trial in complete]
        return complete, np.array(values, float).reshape(len(complete), -1) * self.objectives.signs

    def best(self, found: list[Trial]) -> tuple[Trial, str]:
        """Return the complete trial to take, the earliest of equals, and why that one."""
        complete, points = self.points(found)
        choice = choose(points, self._tuning.choose, self._tuning.allowed_loss)
        return complete[choice.point], choice.why

    def front(self, found: list[Trial], best: Trial) -> dict[str, bytes]:
        """Return the reports of a study's Pareto front."""
        complete, points = self.points(found)
        told = [
            {"trial": one.number, "values": one.values, "settings": one.params, "trees": one.trees} for one in complete
        ]
        title = f"{self.trainer.name}: {len(complete)} trials, on the queries that chose"
        return front_reports(title, self.objectives.names, told, points, complete.index(best))

    def _goes_on(self, found: list[Trial]) -> bool:
        if not found:
            return True
        if len(found) >= self._tuning.trials or (self._tuning.sampler == "grid" and len(found) >= len(self._points)):
            return False
        spent = sum(trial.seconds for trial in found)
        return self._tuning.minutes is None or spent < self._tuning.minutes * 60

    def _next(self, found: list[Trial]) -> Trial:
        number = len(found)
        started = self.clock()
        study, asked, params, seed = self._ask(found)
        fitted, state, reason = self._fit(study, asked, params, prunable=number > 0)
        values = self.objectives.values(fitted, self.data.validation) if fitted else {}
        told = study.tell(asked, list(values.values()) or None, state=_states()[state])
        trial = Trial(
            number=number, state=state, params=params, values=values,
            steps=dict(told.intermediate_values), seed=seed,
            seconds=round(self.clock() - started, 3), trees=_trees(fitted), notes=dict(told.system_attrs),
            reason=reason,
        )  # fmt: skip
        if fitted and (number == 0 or number in self._improved([*found, trial])):
            self.trials.keep_ranker(number, fitted)
        logger.info("trial %d of %s: %s %s %s", number, self.trainer.name, state, values, params)
        return self.trials.keep(trial)

    def _ask(self, found: list[Trial]) -> tuple[optuna.Study, optuna.Trial, Params, int]:
        """Return the study as it stands, its next trial, that trial's point, and the seed it was drawn by.

        A point that was tried is drawn anew, at random: where all settings are whole numbers, TPE repeats itself.
        """
        number = len(found)
        if number < len(self._points):
            study = self._study(found, self._seed(number, 0), self._tuning.sampler)
            return study, study.ask(), self._points[number], self._seed(number, 0)
        for attempt in range(_ATTEMPTS):
            sampler = "random" if attempt else self._tuning.sampler
            study = self._study(found, self._seed(number, attempt), sampler)
            asked = study.ask(self._distributions)
            if all(asked.params != trial.params for trial in found):
                break
        return study, asked, dict(asked.params), self._seed(number, attempt)

    def _study(self, found: list[Trial], seed: int, by: str) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        samplers = optuna.samplers
        sampler: optuna.samplers.BaseSampler = samplers.RandomSampler(seed=seed)
        if by == "nsga2":
            sampler = samplers.NSGAIISampler(population_size=max(4, self._tuning.trials // 5), seed=seed)
        if by == "tpe":
            # Optuna's own ten random trials would be all of a small budget.
            sampler = samplers.TPESampler(seed=seed, n_startup_trials=min(10, max(4, self._tuning.trials // 4)))
        pruner = optuna.pruners.MedianPruner(_UNPRUNED_TRIALS, _UNPRUNED_STEPS)
        ways = optuna.study.StudyDirection
        directions = [ways.MAXIMIZE if sign > 0 else ways.MINIMIZE for sign in self.objectives.signs]
        study = optuna.create_study(directions=directions, sampler=sampler, pruner=pruner)
        study.add_trials([known for trial in found if (known := self._as_optuna(trial))])
        return study

    def _as_optuna(self, trial: Trial) -> optuna.trial.FrozenTrial | None:
        """Return a finished trial as Optuna knows it; None if its point lies outside of the space, as a default may."""
        from optuna.trial import create_trial

        try:
            return create_trial(
                state=_states()[trial.state],
                values=[trial.values[name] for name in self.objectives.names if trial.values] or None,
                params={name: trial.params[name] for name in self._distributions},
                distributions=self._distributions, intermediate_values=trial.steps, system_attrs=trial.notes,
            )  # fmt: skip
        except ValueError:
            return None

    def _fit(
        self, study: optuna.Study, asked: optuna.Trial, params: Params, prunable: bool
    ) -> tuple[Fitted | None, State, str]:
        import optuna

        gate = with_params(self.gate, self.trainer.name, params)
        try:
            if isinstance(self.trainer, LambdaMart) and list(self.objectives.names) == ["consumption_ndcg"]:
                rate = getattr(gate, self.trainer.name).learning_rate
                watch = _watch(asked, rate, prunable and self._tuning.pruning)
                return self.trainer.fit(self.data, gate, watch), "complete", ""
            return self.trainer.fit(self.data, gate), "complete", ""
        except optuna.TrialPruned:
            return None, "pruned", ""
        except RepriseError as error:
            return None, "failed", str(error)

    def _improved(self, found: list[Trial]) -> set[int]:
        """Return the trials that no earlier one dominated when they ended: their rankers were kept."""
        complete, points = self.points(found)
        return {complete[n].number for n in range(len(complete)) if front(points[: n + 1])[n]}

    def _seed(self, number: int, attempt: int) -> int:
        return int(np.random.SeedSequence([self._tuning.seed, number, attempt]).generate_state(1)[0])


def _watch(asked: optuna.Trial, rate: float, prunable: bool) -> Watch:
    """Return who reports the best value so far at each stride, and stops the fit where the pruner says so."""
    import optuna

    best, reported = float("-inf"), 0

    def watch(number: int, value: float) -> None:
        nonlocal best, reported
        best = max(best, value)
        step = int(number * rate / STRIDE + 1e-9)
        if step > reported:
            reported = step
            asked.report(best, step)
            if prunable and asked.should_prune():
                raise optuna.TrialPruned

    return watch


def _states() -> dict[State, Any]:
    from optuna.trial import TrialState

    return {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


def _trees(fitted: Fitted | None) -> int:
    return len(fitted.model["params"].get("trees", [])) if fitted else 0
