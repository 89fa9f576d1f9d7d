"""What a study costs beside its fits: asking, valuing, writing, and being built anew before each trial.

Rows are made, not the demo's; every trial's fit is timed inside the study, so both figures are of the same run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from families import made
from reprise.objects import ObjectStore
from reprise.plan import Plan
from reprise.sandbox.home import Home
from reprise.settings import Gate
from reprise.training.data import TrainingData
from reprise.training.family import Fitted, Watch
from reprise.training.lambdamart import LambdaMart
from reprise.training.tuning.objectives import Objectives
from reprise.training.tuning.tune import tune

QUERIES, FEW, MANY = 500, 20, 100
AIMS = {"one objective": ["consumption_ndcg"], "with serving cost": ["consumption_ndcg", "serving_cost"]}


class Timed(LambdaMart):
    """It counts the seconds of its fits."""

    seconds = 0.0

    def fit(self, data: TrainingData, settings: Gate, watch: Watch | None = None) -> Fitted:
        start = time.perf_counter()
        try:
            return super().fit(data, settings, watch)
        finally:
            self.seconds += time.perf_counter() - start


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table."""
    del home, plan
    with tempfile.TemporaryDirectory() as folder:
        data = made(Path(folder), QUERIES, 1)
        yield f"{len(data.train.codes):,} rows, {QUERIES} queries; LightGBM of 50 trees, no trial stopped early\n"
        yield "| | trials | seconds | of these in fits | a bare fit, s | overhead per trial, beside a bare fit |"
        yield "|---|---|---|---|---|---|"
        for name, aims in AIMS.items():
            for trials in (FEW, MANY):
                settings = {"trials": trials, "objectives": aims, "pruning": False}
                gate = Gate.model_validate({"lambdamart": {"trees": 50}, "tuning": settings})
                trainer, start = Timed(), time.perf_counter()
                tune(ObjectStore(tempfile.mkdtemp(dir=folder)), "study", trainer, data, gate, Objectives(aims))
                whole = time.perf_counter() - start
                bare = trainer.seconds / trials
                overhead = (whole - trainer.seconds) / trials
                yield (
                    f"| {name} | {trials} | {whole:.1f} | {trainer.seconds:.1f} | {bare:.3f} | {overhead / bare:.2f} |"
                )
