"""What any candidate has to be better than: orders that nobody had to learn, and the champion, as it is and anew.

The champion retrained is its own recipe (family, settings, features) on this run's rows: what it gains over the
champion is owed to newer data, and only what a candidate gains over it to a better model.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.features.catalogue import behaviour_features
from reprise.training.data import read_data, rows_of
from reprise.training.dropped import NothingLearnedError
from reprise.training.family import find_family
from reprise.training.served import Scores, Served, candidate, champion
from reprise.training.train import folder

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.lake import Lake
    from reprise.plan import Plan

logger = logging.getLogger(__name__)

#: Baseline → how a report names it.
BASELINES = {
    "engine_order": "the engine's own order",
    "popularity": "plain popularity",
    "best_feature": "the best single feature",
}
RETRAINED = "champion_retrained"


@dataclass(frozen=True)
class BestFeature:
    """The feature that orders the training rows best by itself; ``sign`` is −1 where less of it is better."""

    name: str
    sign: int
    train: float


def best_feature(table: pa.Table, names: Sequence[str]) -> BestFeature | None:
    """Return the best single feature by the deciding metric on judged training rows; None without such rows."""
    import pyarrow.compute as pc

    rows = rows_of(table.filter(pc.equal(table["role"], "train")), names).only_judged()
    if not rows.queries:
        return None
    found = [
        BestFeature(name, sign, rows.metric(sign * rows.vectors[:, column].astype(float)))
        for column, name in enumerate(names)
        for sign in (1, -1)
    ]
    return max(found, key=lambda one: (np.nan_to_num(one.train, nan=-1.0), one.sign, one.name))


def plain_scores(plan: Plan, rows: pa.Table, best: BestFeature | None) -> dict[str, Scores]:
    """Return baseline → score of each row, of those that nobody had to learn."""
    found: dict[str, Scores] = {"engine_order": -rows["engine_rank"].to_numpy().astype(float)}
    plays = [feature.name for feature in behaviour_features(plan.deployment.solr) if feature.measure == "plays"]
    if plays:
        found["popularity"] = rows[plays[0]].to_numpy()
    if best is not None:
        found["best_feature"] = best.sign * rows[best.name].to_numpy().astype(float)
    return found


def champions(plan: Plan) -> dict[str, Served]:
    """Return the champion as it serves and the champion retrained, as far as there are; none for release 0."""
    serves = champion(plan)
    if serves is None:
        return {}
    again = _retrained(plan, serves)
    return {"champion": serves} | ({RETRAINED: again} if again else {})


def _retrained(plan: Plan, serves: Served) -> Served | None:
    """Return the champion's recipe on this run's rows; a family's own candidate, where that is the same recipe."""
    lake = plan.open_lake()
    recipe = _recipe(plan, lake)
    if recipe is None:
        logger.warning("the champion's recipe is not in the lake: it is not retrained beside the candidates")
        return None
    family = str(recipe["family"])
    if family in plan.families and _same(lake.get_json(f"{folder(plan, family)}/summary.json") or {}, recipe):
        return candidate(plan, family)
    data = read_data(plan)
    gone = sorted(set(recipe["features"]) - set(data.features))
    if gone:
        logger.warning("the champion learned from %s, which this training set lacks: it is not retrained", gone)
        return None
    gate = plan.deployment.gate
    kind = type(getattr(gate, family))
    settings = kind(**{name: value for name, value in recipe["params"].items() if name in kind.model_fields})
    try:
        fitted = find_family(family).fit(data.only(recipe["features"]), gate.model_copy(update={family: settings}))
    except NothingLearnedError as error:
        logger.warning("the champion's recipe learns nothing here, it is not retrained: %s", error)
        return None
    own = [entry for entry in serves.features if entry["name"] in recipe["features"]]
    return Served(fitted.model, [*own, *fitted.extra_features])


def _recipe(plan: Plan, lake: Lake) -> dict[str, Any] | None:
    """Return the summary of the training that the champion came from, by the digest of what it serves."""
    release = (lake.get_json(f"runs/{plan.run}/champion.json") or {})["release"]
    sha, ending = release.get("sha", ""), f"/{release.get('family', '')}/summary.json"
    for key in lake.store.list("candidates/") if sha else ():
        if key.endswith(ending):
            summary: dict[str, Any] = lake.get_json(key) or {}
            if summary.get("digest") == sha:
                return summary
    return None


def is_champions_recipe(plan: Plan, family: str) -> bool:
    """Return whether a run's candidate was trained by the settings, and from the features, that the champion was."""
    lake = plan.open_lake()
    recipe = _recipe(plan, lake)
    if recipe is None or recipe["family"] != family:
        return False
    return _same(lake.get_json(f"{folder(plan, family)}/summary.json") or {}, recipe)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    learned = ("best_round",)  # what training found is no part of its recipe
    if not one:
        return False
    params = [{name: value for name, value in it["params"].items() if name not in learned} for it in (one, other)]
    return one["features"] == other["features"] and params[0] == params[1]
