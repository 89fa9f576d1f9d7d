"""What a study leaves to read: its Pareto front with knee and choice, as JSON and as a picture."""

from __future__ import annotations

import json

from reprise.tracking import plots
from reprise.training.tuning.front import front, knee
from reprise.training.tuning.study import Study
from reprise.training.tuning.trials import Trial


def front_reports(study: Study, found: list[Trial], best: Trial) -> dict[str, bytes]:
    """Return ``front.json`` and ``front.png`` of a study with several objectives."""
    complete, points = study.points(found)
    kept, bend = front(points), knee(points)
    rows = [
        {"trial": trial.number, "values": trial.values, "settings": trial.params, "trees": trial.trees}
        for trial, stays in zip(complete, kept, strict=True)
        if stays
    ]
    told = {
        "objectives": list(study.objectives.names),
        "front": rows,
        "knee": None if bend is None else complete[bend].number,
        "chosen": best.number,
        "default": 0,
    }
    marked = {"chosen": complete.index(best)} | ({} if bend is None else {"knee": bend})
    if complete[0].number == 0:
        marked["default"] = 0
    by_objective: dict[str, list[float]] = {
        name: [trial.values[name] for trial in complete] for name in study.objectives.names
    }
    title = f"{study.trainer.name}: {len(complete)} trials, on the queries that chose"
    return {
        "front.json": json.dumps(told, indent=1).encode(),
        "front.png": plots.pareto_front(by_objective, kept.tolist(), _together(marked), title),
    }


def _together(marked: dict[str, int]) -> dict[str, int]:
    """Return one label for each point, of all that it is called."""
    return {", ".join(name for name, at in marked.items() if at == place): place for place in set(marked.values())}
