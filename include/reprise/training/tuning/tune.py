"""From a study to a candidate: the best trial's ranker as it is, and what is known of how good the choice was."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import MissingDataError
from reprise.features.catalogue import ages
from reprise.metrics import means
from reprise.objects import ObjectStore
from reprise.settings import Gate
from reprise.training.counterfactual import curve
from reprise.training.data import Floats, Rows, TrainingData
from reprise.training.diagnose import standard_error
from reprise.training.family import Family, Fitted
from reprise.training.tuning.objectives import Objectives
from reprise.training.tuning.rules import rules_of
from reprise.training.tuning.split import split
from reprise.training.tuning.study import Study
from reprise.training.tuning.trials import Trial

if TYPE_CHECKING:
    from reprise.plan import Plan


@dataclass(frozen=True)
class Tuned:
    """``fitted``: what the best trial learned; ``data``: its validation rows are those that chose; ``facts``: JSON;
    ``reports``: file name → content.
    """

    fitted: Fitted
    data: TrainingData
    trials: list[Trial]
    facts: dict[str, Any]
    reports: dict[str, bytes]


def objectives_of(plan: Plan) -> Objectives:
    """Return the objectives that a plan asks for, with the run's position bias and its catalogue's age of an item."""
    tuning = plan.deployment.gate.tuning
    of_order = set(tuning.objectives) & {"expected_consumption", "new_release_exposure"}
    theta = curve(plan).tolist() or plan.deployment.gate.theta.assumed if of_order else ()
    return Objectives(tuning.objectives, theta, next(iter(ages(plan.deployment.solr)), ""), tuning.new_days)


def tune(
    store: ObjectStore,
    folder: str,
    trainer: Family,
    data: TrainingData,
    gate: Gate,
    objectives: Objectives,
    clock: Callable[[], float] = time.monotonic,
) -> Tuned:
    """Return the best of a family's trials, which are kept under ``<folder>/trials/``; nothing is fitted again."""
    objectives.check(data.features)
    choosing, fresh = split(data, gate.tuning.report_one_in, gate.tuning.seed)
    _refuse_if_unvalued(choosing.validation)
    study = Study(store, folder, trainer, choosing, gate, objectives, clock)
    found = study.run()
    best, why = study.best(found)
    fitted = study.trials.ranker(best.number)
    default = study.trials.ranker(0) if found[0].state == "complete" else None
    facts = {
        "sampler": gate.tuning.sampler,
        "trials": len(found),
        **{state: sum(trial.state == state for trial in found) for state in ("pruned", "failed")},
        "minutes": round(sum(trial.seconds for trial in found) / 60, 3),
        "best": best.number,
        "why": why,
        "settings": best.params,
        "trees": best.trees,
        "chosen_on": {
            "queries": choosing.validation.queries,
            "default": found[0].values or None,
            "best": best.values,
        },
        "reported_on": _reported(fresh, default, fitted),
    }
    facts["words"] = _words(facts)
    learned = rules_of(found, objectives.names[0], gate.tuning.seed)
    facts["rules"] = learned.words
    reports = {"rules.txt": learned.text.encode()}
    if len(objectives.names) > 1:
        reports |= study.front(found, best)
    return Tuned(fitted, choosing, found, facts, reports)


def _refuse_if_unvalued(rows: Rows) -> None:
    judged = rows.only_judged()
    if not judged.queries or np.isnan(judged.metric(np.zeros(len(judged.codes)))):
        raise MissingDataError(
            f"no trial can be valued: {rows.queries} validation queries choose, and nothing was consumed in any",
            "wait for more logs, raise blocks.validation_days, or set tuning.trials to 0",
        )


def _reported(fresh: Rows, default: Fitted | None, best: Fitted) -> dict[str, float | int | None]:
    """Return the metric of the settings as they stood and of the best trial, on queries that had no part in choosing.

    ``gain`` is their difference, paired by query, with its standard error; None where it cannot be told.
    """
    rows = fresh.only_judged()
    if not rows.queries:
        return {"queries": 0}
    traffic = rows.traffic_per_query
    new = rows.per_query(best.scores(rows))
    found: dict[str, float | int | None] = {"queries": rows.queries, "best": _mean(new, traffic)}
    if default is not None:
        old = rows.per_query(default.scores(rows))
        found |= {
            "default": _mean(old, traffic),
            "gain": _mean(new - old, traffic),
            "error": _known(standard_error(new - old, traffic)),
        }
    return found


def _mean(values: Floats, traffic: Floats) -> float | None:
    return _known(means(values, traffic).traffic_weighted)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _words(facts: dict[str, Any]) -> str:
    chosen, reported = facts["chosen_on"], facts["reported_on"]
    said = f"best of {facts['trials']} trials ({facts['pruned']} stopped early): trial {facts['best']}, {facts['why']}"
    if chosen["default"]:
        pairs = (f"{name} {value:.4f} ({chosen['default'][name]:.4f})" for name, value in chosen["best"].items())
        said += f"; by the queries that chose (settings as they stood): {', '.join(pairs)}"
    if reported.get("gain") is not None:
        said += f"; gain of the deciding metric by other queries {reported['gain']:+.4f}"
        said += f" ± {reported['error']:.4f}" if reported["error"] is not None else ""
    return said
