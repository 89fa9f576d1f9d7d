"""Models side by side, as a person compares them: one page for a run's models, tables, and families over retrains."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from reprise.connections import connection
from reprise.metrics import Comparison, Means
from reprise.tracking.runs import CHILD_OF, KIND, MODEL, children
from reprise.tracking.server import mlflow_client
from reprise.tracking.tallies import MAIN

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from reprise.plan import Plan

_RETRAINS = 20
_NEWEST_RUNS = 1000  # of one page of the search; a retrain has a dozen
_ORDER = ("candidate", "champion", "baseline")
TEST = f"test/{MAIN}"


def columns(metrics: Mapping[str, float], found: Comparison | None, choice: Means | None) -> dict[str, float]:
    """Return as metrics a model's difference to what serves, its gap from train to validation, and its choice.

    The last is its value on the validation queries that families are compared on, and their number. NaN is left out.
    """
    values = {
        "train_validation_gap": metrics.get(f"train/{MAIN}", math.nan) - metrics.get(f"validation/{MAIN}", math.nan)
    }
    if found is not None:
        values |= {
            "delta_to_champion": found.difference,
            "delta_to_champion/low": found.lower,
            "delta_to_champion/high": found.upper,
            "detectable_gain": found.detectable,
        }
    if choice is not None:
        values |= {f"choice/{MAIN}": choice.traffic_weighted, "choice/queries": choice.queries}
    return {name: value for name, value in values.items() if math.isfinite(value)}


def compare_url(mlflow: Mapping[str, str], runs: Sequence[str]) -> str:
    """Return the address of MLflow's page that sets these runs of the experiment side by side; empty without any."""
    if not runs:
        return ""
    asked = {"runs": list(runs), "experiments": [mlflow["experiment_id"]]}
    query = "&".join(f"{name}={quote(json.dumps(ids, separators=(',', ':')))}" for name, ids in asked.items())
    return f"{connection('mlflow').uri}/#/compare-runs?{query}"


def comparison_url(plan: Plan) -> str:
    """Return the address that compares all models of a run, candidates first; empty where nothing is recorded."""
    if not plan.mlflow:
        return ""
    with mlflow_client() as client:
        return compare_url(plan.mlflow, [run.info.run_id for run in ordered(children(client, plan))])


def ordered(runs: Sequence[Run]) -> list[Run]:
    """Return candidates, champion, baselines; the best on the test block first among each."""

    def place(run: Run) -> tuple[int, float, str]:
        kind, value = run.data.tags.get(KIND, ""), run.data.metrics.get(TEST, -math.inf)
        return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), -value, run.data.tags[MODEL])

    return sorted(runs, key=place)


def models_table(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return a row for each model of a run, in order: model, kind, and what all of them were measured by.

    Without the other readings (θ, unjudged) of the same metrics.
    """
    shared = set.intersection(*(set(run.data.metrics) for run in runs)) if runs else set()
    names = sorted(name for name in shared if "/theta_" not in name)
    return [
        {"model": run.data.tags[MODEL], "kind": run.data.tags.get(KIND, "")} | {n: run.data.metrics[n] for n in names}
        for run in ordered(runs)
    ]


def history(client: MlflowClient, experiment: str) -> list[dict[str, Any]]:
    """Return a row for each model of the experiment's last retrains, oldest first: as-of day, model, metric.

    Each retrain has its own test days, so that levels of two of them differ for the days' sake too; what compares is
    a model beside the others of its column.
    """
    runs = list(client.search_runs([experiment], order_by=["attributes.start_time DESC"], max_results=_NEWEST_RUNS))
    models: dict[str, list[Run]] = {}
    for run in runs:
        if TEST in run.data.metrics and CHILD_OF in run.data.tags:
            models.setdefault(run.data.tags[CHILD_OF], []).append(run)
    rows: list[dict[str, Any]] = []
    for parent in reversed([run for run in runs if run.info.run_id in models][:_RETRAINS]):
        for run in ordered(models[parent.info.run_id]):
            known = run.data.metrics
            rows.append(
                {
                    "as_of": parent.data.params.get("as_of", ""),
                    "run": parent.data.tags["reprise.run"],
                    "model": run.data.tags[MODEL],
                    "kind": run.data.tags.get(KIND, ""),
                    MAIN: known[TEST],
                    **{name: known.get(name) for name in ("delta_to_champion", "detectable_gain")},
                }
            )
    return rows
