"""What any candidate has to be better than: orders that nobody had to learn, and the champion, as it is and anew.

The champion retrained is its own recipe (family, settings, features) on this run's rows: what it gains over the
champion is owed to newer data, and only what a candidate gains over it to a better model.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise.features.catalogue import behaviour_features
from reprise.solr import score
from reprise.training.data import read_data, rows_of, vectors_for
from reprise.training.family import find_family
from reprise.training.train import folder

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.lake import Lake
    from reprise.plan import Plan

logger = logging.getLogger(__name__)
Scores = npt.NDArray[np.floating[Any]]

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


@dataclass(frozen=True)
class Served:
    """A ranker as Solr would ask it: its model without name and store, and its feature-store entries."""

    model: dict[str, Any]
    features: list[dict[str, Any]]

    def scores(self, rows: pa.Table, columns: dict[str, str]) -> Scores:
        """Return Solr's score of each row; ``columns``: entry key → column, as `featurize` recorded them."""
        used = {str(feature["name"]) for feature in self.model["features"]}
        entries = [entry for entry in self.features if entry["name"] in used]
        return score(self.model, vectors_for(rows, entries, columns), [str(entry["name"]) for entry in entries])


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
    lake = plan.open_lake()
    champion = lake.get_json(f"runs/{plan.run}/champion.json") or {}
    if not champion.get("model"):
        return {}
    found = {"champion": Served(champion["model"], champion["features"])}
    again = _retrained(plan, lake, champion)
    return found | ({RETRAINED: again} if again else {})


def _retrained(plan: Plan, lake: Lake, champion: dict[str, Any]) -> Served | None:
    """Return the champion's recipe on this run's rows; a family's own candidate, where that is the same recipe."""
    recipe = _recipe(lake, champion["release"].get("sha", ""))
    if recipe is None:
        logger.warning("the champion's recipe is not in the lake: it is not retrained beside the candidates")
        return None
    family = str(recipe["family"])
    for name in plan.families:
        mine = json.loads(lake.store.get(f"{folder(plan, name)}/summary.json") or b"{}")
        if mine and _same(mine, recipe):
            fields = lake.get_json(f"{folder(plan, name)}/candidate.json") or {}
            return Served(fields["model_json"], fields["features"])
    data = read_data(plan)
    gone = sorted(set(recipe["features"]) - set(data.features))
    if gone:
        logger.warning("the champion learned from %s, which this training set lacks: it is not retrained", gone)
        return None
    gate = plan.deployment.gate
    kind = type(getattr(gate, family))
    settings = kind(**{name: value for name, value in recipe["params"].items() if name in kind.model_fields})
    fitted = find_family(family).fit(data.only(recipe["features"]), gate.model_copy(update={family: settings}))
    own = [entry for entry in champion["features"] if entry["name"] in recipe["features"]]
    return Served(fitted.model, [*own, *fitted.extra_features])


def _recipe(lake: Lake, sha: str) -> dict[str, Any] | None:
    """Return the summary of the training that a release came from, by the digest of what it serves."""
    for key in lake.store.list("candidates/"):
        if sha and key.endswith("/summary.json"):
            summary: dict[str, Any] = json.loads(lake.store.get(key) or b"{}")
            if summary.get("digest") == sha:
                return summary
    return None


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    learned = ("best_round",)  # what training found is no part of its recipe
    params = [{name: value for name, value in it["params"].items() if name not in learned} for it in (one, other)]
    return one["family"] == other["family"] and one["features"] == other["features"] and params[0] == params[1]
