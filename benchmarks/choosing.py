"""Which tuned family is tested: what each rule's choice is truly worth to listeners of simulated services.

Run by itself, as it takes minutes: `python benchmarks/choosing.py 12`. Nothing of the demo is read.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from reprise.gate.paired import DECIDING_THETA, DECIDING_UNJUDGED, Paired
from reprise.gate.pick import best_of
from reprise.objects import ObjectStore
from reprise.settings import Gate
from reprise.training.family import find_family
from reprise.training.tuning.objectives import Objectives, serving_cost
from reprise.training.tuning.split import kept_back
from reprise.training.tuning.tune import tune

TRIALS = {"linear": 4, "lambdamart": 16, "xendcg": 16}
CHOICES = (["lambdamart", "xendcg"], ["linear", "lambdamart"], [*TRIALS])
#: Name → queries that choose, and standard errors within which the cheaper one is taken.
RULES = {"all, best": (False, 0), "kept back, best": (True, 0), "kept back, within 1": (True, 1),
         "kept back, within 2": (True, 2), "all, within 1": (False, 1)}  # fmt: skip


def chosen(seed: int) -> dict[tuple[int, str], tuple[float, float]]:
    """Return (choice, rule) → true consumption, and the deciding metric, on the test week of what the rule takes."""
    from builders.simulated_learning import BLOCKS, Learning, filed, sampled, solr_scores, truly

    service = Learning(seed)
    train, validation, test = (
        service.block(role, range(max(0, days.start - 8), days.start - 1)) for role, days in BLOCKS.items()
    )
    with tempfile.TemporaryDirectory() as folder:
        data = filed(Path(folder), sampled(train.rows, 10, 3), validation.rows)
        values, steps, worth = {}, {}, {}
        judged, tested = validation.rows.only_judged(), test.rows.only_judged()
        for family, trials in TRIALS.items():
            gate = Gate.model_validate({"tuning": {"trials": trials}})
            objectives = Objectives(gate.tuning.objectives)
            fitted = tune(ObjectStore(folder), family, find_family(family), data, gate, objectives).fitted
            reading = (family, DECIDING_THETA, DECIDING_UNJUDGED)
            values[reading] = judged.per_query(solr_scores(fitted, judged))
            steps[family] = serving_cost(fitted, judged)
            worth[family] = (truly(test, solr_scores(fitted, test.rows)), tested.metric(solr_scores(fitted, tested)))
    traffic = judged.traffic_per_query
    everything = Paired([f"q{n}" for n in range(judged.queries)], traffic, {}, values)
    held = everything.where(kept_back(validation.rows.traffic_per_query, gate.tuning.report_one_in, gate.tuning.seed))
    return {
        (number, rule): worth[best_of(held if kept else everything, some, steps, gate.policy, within).family]
        for number, some in enumerate(CHOICES)
        for rule, (kept, within) in RULES.items()
    }


def table(services: int) -> Iterator[str]:
    """Yield, for each choice, what every rule takes beside the best by all, with the standard error over services."""
    found: list[dict[Any, tuple[float, float]]] = [chosen(100 + seed) for seed in range(services)]
    yield f"{services} services; each cell: true consumption, then the deciding metric on the test week\n"
    yield "| to choose among | " + " | ".join(RULES) + " |"
    yield "|" + "---|" * (len(RULES) + 1)
    for number, some in enumerate(CHOICES):
        base, cells = np.array([one[number, "all, best"] for one in found]), []
        for rule in RULES:
            apart = np.array([one[number, rule] for one in found]) - base
            error = apart.std(axis=0, ddof=1) / np.sqrt(services)
            means = base.mean(axis=0) if rule == "all, best" else apart.mean(axis=0)
            sign = "" if rule == "all, best" else "+"
            cells.append(
                "; ".join(
                    f"{mean:{sign}.4f}" + f" ± {e:.4f}" * bool(sign) for mean, e in zip(means, error, strict=True)
                )
            )
        yield f"| {', '.join(some)} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    for line in table(int(sys.argv[1]) if len(sys.argv) > 1 else 12):
        print(line, flush=True)
