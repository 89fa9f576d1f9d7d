"""`select`: how few features a run's training set needs, and which; train rows teach, validation rows decide.

Four looks from different sides (clusters, mRMR, stability, permutation importance) and one that decides: backward
elimination, with a ranker trained anew at each step. With ``adopt`` the fewest features within the allowed loss are
kept in the lake, where trainings with ``features: selected`` in `gate.yaml` find them.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import MissingDataError
from reprise.features.catalogue import cost_class
from reprise.features.health import SAMPLE, spearman
from reprise.metrics import consumption_ndcg
from reprise.pages import finite, render
from reprise.selection import elimination
from reprise.selection.importance import Importance, Scorer, permutation_importance
from reprise.selection.latency import of_features
from reprise.selection.redundancy import COSTS, clusters, mrmr
from reprise.selection.stability import chosen_share, expected_false
from reprise.settings import Gate
from reprise.tracking import plots
from reprise.training.data import Rows, TrainingData, read_data
from reprise.training.lambdamart import LambdaMart
from reprise.verdict import Verdict

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.plan import Plan
    from reprise.solr.client import SolrClient

log = logging.getLogger(__name__)
METRIC = consumption_ndcg().name
#: In the lake: what `features: selected` means.
SELECTED = "selected_features.json"
_STABLE = 0.9


@dataclass(frozen=True)
class Selection:
    """All that was found. ``added_ms``: number of features → what reranking by them adds to a search, median."""

    clusters: list[list[str]]
    mrmr: list[str]
    stability: dict[str, float]
    expected_false: float
    importances: list[Importance]
    path: list[elimination.Step]
    chosen: elimination.Step
    added_ms: dict[int, float]


def run(plan: Plan, client: SolrClient | None = None, adopt: bool = False) -> Verdict:
    """Write ``runs/<run>/selection/`` (JSON, plots, a page) and say which features suffice; always yes.

    Without a client Solr is not timed. The catalogue's costs say which features are tried without first.
    """
    found = select(plan, read_data(plan), client)
    lake, folder = plan.open_lake(), f"runs/{plan.run}/selection"
    kept, all_of = found.chosen.features, found.path[0].features
    reason = f"{len(kept)} of {len(all_of)} features suffice: {found.chosen.difference:+.4f} of {METRIC} on validation"
    pictures = _pictures(found)
    for name, content in {**pictures, "selection.html": _page(plan, found, reason, pictures)}.items():
        lake.store.put(f"{folder}/{name}", content)
    lake.put_json(f"{folder}/selection.json", finite(asdict(found)))
    if adopt:
        lake.put_json(SELECTED, {"features": kept, "run": plan.run, "reason": reason})
    facts = {"selected": kept, "left_out": [name for name in all_of if name not in kept], "adopted": adopt}
    return Verdict("yes", reason, facts={**facts, "page": lake.store.uri(f"{folder}/selection.html")})


def selected(lake: Lake, known: list[str]) -> list[str]:
    """Return the features adopted last, those that the catalogue still has; none adopted is an error."""
    record = lake.get_json(SELECTED)
    if record is None:
        raise MissingDataError(
            f"gate.yaml says `features: selected`, but nothing was adopted in {lake.uri}",
            "run `reprise select --plan … --adopt`, or say `features: all`",
        )
    kept = [name for name in record["features"] if name in known]
    if gone := [name for name in record["features"] if name not in known]:
        log.warning("solr.yaml no longer defines %s, adopted by run %s", ", ".join(gone), record["run"])
    return kept


def select(plan: Plan, data: TrainingData, client: SolrClient | None) -> Selection:
    """Return what is found of the data's features."""
    settings, gate = plan.deployment.gate.selection, plan.deployment.gate
    costs = {feature.name: cost_class(feature) for feature in plan.deployment.solr.features}
    rho, relevance = _ranks(data)
    best = LambdaMart().fit(data, gate)
    fit = _fitter(gate, int(best.params["best_round"]))
    judged = data.validation.only_judged()
    confidence = settings.confidence
    importances = permutation_importance(judged, fit(data), confidence=confidence)
    path = elimination.backward(data, fit, lambda name: COSTS.index(costs[name]), confidence)
    most = min(settings.chosen, len(data.features))
    return Selection(
        clusters=clusters(data.features, rho, costs, relevance, settings.repeats_from),
        mrmr=mrmr(data.features, rho, relevance),
        stability=dict(zip(data.features, chosen_share(data.train, most, settings.halves).tolist(), strict=True)),
        expected_false=expected_false(len(data.features), most, _STABLE),
        importances=importances,
        path=path,
        chosen=elimination.fewest(path, settings.allowed_loss),
        added_ms=_added(plan, path, client) if client else {},
    )


def _ranks(data: TrainingData) -> tuple[Any, Any]:
    """Return Spearman's ρ of features with each other, over train rows, and its size with g, over judged ones."""
    random = np.random.default_rng(0)

    def some(rows: Rows) -> Any:
        return random.permutation(len(rows.g))[:SAMPLE]

    judged = data.train.only_judged()
    picked, labelled = some(data.train), some(judged)
    with_label = np.column_stack([judged.vectors[labelled].astype(float), judged.g[labelled]])
    return spearman(data.train.vectors[picked].astype(float)), np.abs(spearman(with_label)[-1, :-1])


def _fitter(gate: Gate, trees: int) -> elimination.Fit:
    """Return how a subset is learned: as many trees as all features took, so that validation decides nothing more."""
    import lightgbm

    fixed = gate.lambdamart.model_copy(update={"trees": trees, "early_stopping_rounds": trees, "engine": "lightgbm"})
    settings = gate.model_copy(update={"lambdamart": fixed})

    def fit(data: TrainingData) -> Scorer:
        booster = lightgbm.Booster(model_str=LambdaMart().fit(data, settings).native[1].decode())
        return lambda vectors: np.asarray(booster.predict(vectors), float)

    return fit


def _added(plan: Plan, path: list[elimination.Step], client: SolrClient) -> dict[int, float]:
    """Return number of features → median milliseconds that reranking by them adds."""
    rows = plan.open_lake().read("query_groups", plan.judgments_version, [plan.partition]).to_pylist()
    heaviest = sorted(rows, key=lambda row: (-row["searches"], row["query"]))
    texts = list(dict.fromkeys(row["query"] for row in heaviest))[: plan.deployment.gate.selection.latency_searches]
    found = {}
    of_features(client, plan.deployment.solr, path[0].features, texts)  # Solr is cold
    for step in path:
        without, with_model = of_features(client, plan.deployment.solr, step.features, texts)
        found[len(step.features)] = round(with_model.median_ms - without.median_ms, 3)
    return found


def _pictures(found: Selection) -> dict[str, bytes]:
    points = [{**asdict(step), "features": len(step.features)} for step in found.path]
    losses = {one.name: (one.loss, one.lower, one.upper) for one in found.importances}
    return {
        "metric_by_features.png": plots.metric_by_features(points, len(found.chosen.features), found.added_ms, METRIC),
        "permutation_importance.png": plots.intervals(losses, f"{METRIC} lost on validation, 95 % interval"),
    }


def _page(plan: Plan, found: Selection, reason: str, pictures: Mapping[str, bytes]) -> bytes:
    solr = plan.deployment.solr
    importance = {one.name: one for one in found.importances}
    about = {feature.name: (feature.meaning, cost_class(feature)) for feature in solr.features}
    rows = [
        {
            "name": name,
            "meaning": about[name][0],
            "cost": about[name][1],
            "kept": name in found.chosen.features,
            "importance": importance[name],
            "stability": found.stability[name],
            "mrmr": found.mrmr.index(name) + 1,
            "same_as": next(group[0] for group in found.clusters if name in group),
        }
        for name in found.mrmr
    ]
    images = {name: base64.b64encode(content).decode() for name, content in pictures.items()}
    text = render(
        "reprise.selection", "selection.html", plan=plan, found=found, rows=rows, reason=reason, images=images,
        metric=METRIC, settings=plan.deployment.gate.selection,
    )  # fmt: skip
    return text.encode()
