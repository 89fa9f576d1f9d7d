"""What a run leaves in MLflow: training, evaluation and gate, each recorded once however often a task is retried.

A record ends with a tag; a retry that finds the tag of the same content has nothing to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reprise.errors import MissingDataError
from reprise.tracking import comparison, plots
from reprise.tracking.pyfunc import find_model, log_model
from reprise.tracking.runs import child, children, parent_note, run_url
from reprise.tracking.server import mlflow_client
from reprise.tracking.tallies import MAIN, Tally, tallies
from reprise.tracking.write import log_dataset, log_files, log_metrics, log_table

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from reprise.lake import Manifest
    from reprise.metrics import Comparison, Means
    from reprise.objects import ObjectStore
    from reprise.plan import Plan

_REPORTS = ("health.html", "health.json", "ceiling.json", "skew.json")


def record_training(plan: Plan, family: str) -> str:
    """Record a trained family in its child run, with the data it learned from; return the run's address."""
    store = plan.open_lake().store
    key = f"candidates/v={plan.models_version}/{plan.partition}/{family}"
    if out := plan.open_lake().get_json(f"{key}/dropped.json"):
        return _record_dropped(plan, family, str(out["reason"]))
    content, candidate = store.get(f"{key}/summary.json"), store.get(f"{key}/candidate.json")
    if content is None or candidate is None:
        raise MissingDataError(f"run {plan.run} has no trained {family} in {plan.lake}", "run the train step first")
    summary = json.loads(content)
    with mlflow_client() as client:
        run = child(client, plan, family)
        if _recorded(client, run, "training", summary["digest"]):
            return run_url(plan.mlflow, run)
        for name, value in {**summary["params"], "features": len(summary["features"])}.items():
            client.log_param(run, name, value)
        log_metrics(client, run, {**_curve_metrics(summary), **_learning_metrics(summary.get("learning"))})
        manifest = plan.open_lake().published("training_set", plan.training_version, plan.partition)
        if manifest is not None:
            log_dataset(client, run, plan, manifest, "training")
        native = summary["native"]
        log_files(client, run, {
            "model/model.json": store.get(f"{key}/model.json") or b"",
            f"model/{native}": store.get(f"{key}/{native}") or b"",
            "model/summary.json": content,
            "plots/learning_curve.png": plots.learning_curve(summary["curve"], MAIN),
            "plots/importances.png": plots.importances(
                summary["importances"], {feature.name: feature.meaning for feature in plan.deployment.solr.features}
            ),
            **_learning_plots(summary.get("learning")),
        })  # fmt: skip
        _record_features(client, plan, run, summary)
        _log_tuning(client, run, store, key, summary)
        tags = {"solr_model": summary["model"], "solr_store": summary["store"], "digest": summary["digest"]}
        if diagnosis := summary.get("diagnosis"):
            tags |= {"fit": diagnosis["verdict"], "diagnosis": diagnosis["words"]}
        if learning := summary.get("learning"):
            tags |= {"bias_variance": learning["verdict"], "learning": learning["words"]}
        for name, value in tags.items():
            client.set_tag(run, f"reprise.{name}", value)
        _log_model(client, plan, run, family, json.loads(candidate), summary)
        client.set_tag(run, "reprise.recorded.training", summary["digest"])
        return run_url(plan.mlflow, run)


def _record_dropped(plan: Plan, family: str, reason: str) -> str:
    with mlflow_client() as client:
        run = child(client, plan, family)
        client.set_tag(run, "reprise.dropped", reason)
        client.set_terminated(run, "FINISHED")
        return run_url(plan.mlflow, run)


def _log_tuning(client: MlflowClient, run: str, store: ObjectStore, key: str, summary: Mapping[str, Any]) -> None:
    """Record what tuning found, if there was any: facts as metrics, words as a tag, every report as a file."""
    facts = summary.get("tuning")
    if not facts:
        return
    reported = {f"fresh/{name}": value for name, value in facts["reported_on"].items() if value is not None}
    counts = {name: facts[name] for name in ("trials", "pruned", "failed", "minutes", "best")}
    log_metrics(client, run, {f"tuning/{name}": [float(value)] for name, value in {**counts, **reported}.items()})
    client.set_tag(run, "reprise.tuning", facts["words"])
    names = store.list(f"{key}/tuning/")
    log_files(client, run, {f"tuning/{name.rpartition('/')[2]}": store.get(name) or b"" for name in names})


def record_nested(plan: Plan, family: str, folder: str) -> str:
    """Record a nested cross-validation, kept in this folder of the lake, in the family's child run; return its address.

    Recorded again, a newer one of the same folds and trials takes the older one's place.
    """
    store = plan.open_lake().store
    kept = {name: store.get(f"{folder}/{name}") for name in ("report.json", "report.txt")}
    report = json.loads(kept["report.json"] or b"{}")
    with mlflow_client() as client:
        run = child(client, plan, family)
        figures = {name: [float(report[name])] for name in ("tuned", "default", "gain", "error", "inner")}
        log_metrics(client, run, {f"nested/{name}": value for name, value in figures.items()})
        client.set_tag(run, "reprise.nested", report["words"])
        log_files(client, run, {
            f"tuning/nested/{folder.rpartition('/')[2]}/{name}": content or b"" for name, content in kept.items()
        })  # fmt: skip
        return run_url(plan.mlflow, run)


def _record_features(client: MlflowClient, plan: Plan, run: str, summary: Mapping[str, Any]) -> None:
    """Record what each feature is worth to the ranker: its share of the gain, and what it brings to scores."""
    import pandas as pd

    effects = summary.get("effects")
    if not effects:
        return
    meanings = {feature.name: feature.meaning for feature in plan.deployment.solr.features}
    rows = [
        {"feature": name, **one, "gain_share": summary["importances"].get(name), "meaning": meanings.get(name, "")}
        for name, one in effects.items()
    ]
    log_table(client, run, "explanation/features.json", pd.DataFrame(rows))
    log_files(client, run, {"plots/effects.png": plots.effects(effects, meanings)})


def _log_model(
    client: MlflowClient, plan: Plan, run: str, family: str, candidate: Mapping[str, Any], summary: Mapping[str, Any]
) -> None:
    tags = {"reprise.family": family, "reprise.digest": summary["digest"], "reprise.run": plan.run}
    log_model(client, plan.mlflow["experiment_id"], run, summary["model"], candidate, tags)


def record_evaluation(plan: Plan, beside: Mapping[str, Comparison], choice: Mapping[str, Means]) -> str:
    """Record every model's scores in its child run, baselines and champion too, and end them; return the parent's page.

    A model's main figures are ``<role>/consumption_ndcg_at_10`` (judged items alone, measured θ, weighted by
    traffic) and its ``_per_query``; the other readings carry the θ variant or the unjudged policy in their name.
    ``beside``: model → its difference to what serves, which every model has as the same columns. ``choice``: model →
    its means on the validation queries that families are compared on.
    """
    lake = plan.open_lake()
    manifest = lake.published("scores", plan.models_version, plan.partition)
    if manifest is None:
        raise MissingDataError(f"run {plan.run} has no scores in {plan.lake}", "run the evaluate step first")
    found = tallies(lake.read("scores", plan.models_version, [plan.partition]))
    training_set = lake.published("training_set", plan.training_version, plan.partition)
    with mlflow_client() as client:
        for model, tally in found.items():
            tally.metrics.update(_support(manifest.facts.get("expected_consumption", {}).get(model, {})))
            tally.metrics.update(comparison.columns(tally.metrics, beside.get(model), choice.get(model)))
            if model in (steps := manifest.facts.get("steps", {})):
                tally.metrics["steps_per_document"] = steps[model]
            _record_scores(client, plan, model, tally, manifest, training_set)
        parent = plan.mlflow["run_id"]
        if not _recorded(client, parent, "evaluation", manifest.attempt):
            skew = lake.get_json(f"runs/{plan.run}/features/skew.json") or {}
            ceiling = manifest.facts.get("reachable_share")
            reach = _reach_metrics(training_set) | ({"test/reachable_share": [ceiling]} if ceiling is not None else {})
            log_metrics(client, parent, {**reach, **_skew_metrics(skew)})
            by_segment = {model: tally.segments for model, tally in found.items()}
            reports = {f"features/{name}": lake.store.get(f"runs/{plan.run}/features/{name}") for name in _REPORTS}
            log_files(client, parent, {
                **{name: content for name, content in reports.items() if content},
                "plots/segments.png": plots.segments(by_segment, MAIN),
                "plots/position_bias.png": plots.theta_curves(_theta(plan)),
            })  # fmt: skip
            _record_comparison(client, plan)
            client.set_tag(parent, "reprise.recorded.evaluation", manifest.attempt)
    return run_url(plan.mlflow)


def _record_comparison(client: MlflowClient, plan: Plan) -> None:
    """Record all models side by side: a table, where to compare them, and families over the last retrains."""
    import pandas as pd

    parent, runs = plan.mlflow["run_id"], children(client, plan)
    log_table(client, parent, "comparison/models.json", pd.DataFrame(comparison.models_table(runs)))
    rows = comparison.history(client, plan.mlflow["experiment_id"])
    log_table(client, parent, "comparison/retrains.json", pd.DataFrame(rows))
    log_files(client, parent, {"comparison/retrains.png": plots.retrains(rows, MAIN)})
    url = comparison.compare_url(plan.mlflow, [run.info.run_id for run in comparison.ordered(runs)])
    client.set_tag(parent, "mlflow.note.content", parent_note(plan, url))


def record_report(
    plan: Plan, stage: str, answer: str, files: Mapping[str, bytes], facts: Mapping[str, str] | None = None
) -> str:
    """Record a stage's answer and its report (file name → content) in the parent run; return the run's address.

    Files are artifacts in the folder ``<stage>/``, answer and facts the tags ``reprise.<stage>.<name>``, and the checks
    of a ``report.json`` a table. Recorded again, the newer report takes the older one's place.
    """
    with mlflow_client() as client:
        run = plan.mlflow["run_id"]
        log_files(client, run, {f"{stage}/{name}": content for name, content in files.items()})
        if checks := json.loads(files.get("report.json", b"{}")).get("checks"):
            log_table(client, run, f"{stage}/checks.json", _checks(checks))
        for name, value in {"answer": answer, **(facts or {})}.items():
            client.set_tag(run, f"reprise.{stage}.{name}", value[:5000])
    return run_url(plan.mlflow)


def _checks(checks: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        checks, columns=["name", "question", "outcome", "effect", "lower", "upper", "threshold", "reason"]
    )


def _record_scores(
    client: MlflowClient, plan: Plan, model: str, tally: Tally, manifest: Manifest, data: Manifest | None
) -> None:
    run = child(client, plan, model)
    if not _recorded(client, run, "evaluation", manifest.attempt):
        solr_model = client.get_run(run).data.tags.get("reprise.solr_model", "")
        logged = find_model(client, plan.mlflow["experiment_id"], run, solr_model) if solr_model else ""
        log_metrics(client, run, {name: [value] for name, value in tally.metrics.items()}, logged)
        if data is not None:
            log_dataset(client, run, plan, data, "evaluation")
        client.set_tag(run, "reprise.recorded.evaluation", manifest.attempt)
    client.set_terminated(run, "FINISHED")


def _support(estimates: Mapping[str, Any]) -> dict[str, float]:
    """Return the other estimates of expected consumption and how far the logs can speak, as metrics."""
    names = ("direct", "ips", "snips", "hole_rate", "effective_impressions")
    found = {name: estimates[name] for name in names if estimates.get(name) is not None}
    found |= {f"clip_{clip}": value for clip, value in estimates.get("clip_curve", {}).items()}
    return {f"test/expected_consumption/{name}": float(value) for name, value in found.items()}


def _recorded(client: MlflowClient, run: str, what: str, digest: str) -> bool:
    return client.get_run(run).data.tags.get(f"reprise.recorded.{what}") == digest


def _curve_metrics(summary: Mapping[str, Any]) -> dict[str, list[float]]:
    curves = {f"curve/{name}/{MAIN}": list(values) for name, values in summary["curve"].items()}
    single = {"seconds": summary["seconds"], **{f"rows/{k}": v for k, v in summary["rows"].items()}}
    single |= {name: value for name, value in summary["notes"].items() if isinstance(value, (int, float))}
    return curves | {name: [float(value)] for name, value in single.items()}


def _learning_metrics(learning: Mapping[str, Any] | None) -> dict[str, Mapping[int, float]]:
    """Return the fits over data as series whose step is the number of queries, and what they say as single figures."""
    if not learning:
        return {}
    kinds = ("train", "held_out")
    found: dict[str, Mapping[int, float]] = {
        f"learning/{kind}": {point["queries"]: point[kind] for point in learning["sizes"]} for kind in kinds
    }
    curves, folds = learning["curves"], learning["folds"]
    single = {"rise_per_doubling": curves["rise"], "rise_error": curves["rise_error"], "spread": curves["spread"]}
    single |= {"folds_mean": sum(folds) / len(folds)} if folds else {}
    return found | {f"learning/{name}": {0: value} for name, value in single.items() if value is not None}


def _learning_plots(learning: Mapping[str, Any] | None) -> dict[str, bytes]:
    if not learning:
        return {}
    spread, setting = float(learning["curves"]["spread"] or 0.0), str(learning["setting"])
    over_data = [{**point, "at": point["queries"]} for point in learning["sizes"]]
    found = {"plots/by_queries.png": plots.fits(over_data, "training queries", MAIN, spread, log=True)}
    if learning["complexity"]:
        found["plots/by_complexity.png"] = plots.fits(learning["complexity"], setting, MAIN, spread, setting == "ridge")
    return found


def _reach_metrics(data: Manifest | None) -> dict[str, list[float]]:
    facts = data.facts if data else {}
    by_role = {f"{role}/{name}": [float(value)]
               for name in ("unreachable_share", "recall", "judged_share")
               for role, value in facts.get(name, {}).items()}  # fmt: skip
    return by_role | {"test/zero_result_share": [float(facts.get("zero_result_share", 0.0))]}


def _skew_metrics(skew: Mapping[str, Mapping[str, float]]) -> dict[str, list[float]]:
    return {f"test/skew/{name}": [float(one["differing_share"])] for name, one in skew.items()}


def _theta(plan: Plan) -> dict[str, list[dict[str, float]]]:
    """Return each curve's positions in order, with their intervals, under the curve's name."""
    rows = plan.open_lake().read("propensities", plan.judgments_version, [plan.partition]).to_pylist()
    curves: dict[str, list[dict[str, float]]] = {}
    for row in sorted(rows, key=lambda row: (row["theta_variant"], row["surface"], row["position"])):
        name = f"{row['theta_variant']}, {row['surface']}" if row["surface"] else row["theta_variant"]
        known = {key: float("nan") if row[key] is None else row[key] for key in ("theta", "low", "high")}
        curves.setdefault(name, []).append(known)
    return curves
