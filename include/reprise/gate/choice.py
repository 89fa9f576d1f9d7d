"""Which family, and why: all models of a run side by side, and what the data suit. It decides nothing.

Intervals are each model's own on the test block; the gate chose one family on the validation block before it looked.
"""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reprise.gate.beside import champion_release, differences, serving
from reprise.gate.paired import METRIC, Paired, paired
from reprise.gate.pick import Pick, pick, undecided
from reprise.gate.suits import Suits, suits
from reprise.metrics import Comparison, means
from reprise.pages import finite, render
from reprise.solr.cost import size
from reprise.training.beside import estimate
from reprise.training.data import read_table
from reprise.training.dropped import learned
from reprise.training.losses import LINKS
from reprise.training.served import candidate
from reprise.training.train import folder

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.lake import Lake
    from reprise.plan import Plan

_BINS = 10


@dataclass(frozen=True)
class Model:
    """One model. ``size``: trees and leaves, or weights; ``fit`` and ``learning``: what its training said of itself."""

    name: str
    candidate: bool
    test: float
    comparison: Comparison
    validation: float
    train: float
    size: str = ""
    seconds: float = float("nan")
    fit: str = ""
    learning: str = ""


@dataclass(frozen=True)
class Bin:
    """Judged test rows whose predicted g is alike, or of one segment: how many, and means weighted by evidence."""

    label: str
    rows: int
    predicted: float
    g: float


@dataclass(frozen=True)
class Predictions:
    """How true a regression's predictions of g are: by tenths of what it predicts, and by traffic segment."""

    model: str
    reliability: list[Bin]
    segments: list[Bin]


@dataclass(frozen=True)
class Choice:
    """``segments``: label → model → the metric on the test block."""

    family: str
    rival: str
    pick: Pick
    models: list[Model]
    segments: dict[str, dict[str, float]]
    predictions: list[Predictions]
    suits: Suits


def write(plan: Plan, family: str) -> str:
    """Write ``runs/<run>/model_choice/`` (a page and JSON) and return why it was chosen, and what the data suit."""
    lake, found = plan.open_lake(), choice(plan, family)
    picture = base64.b64encode(_picture(found)).decode()
    page = render("reprise.gate", "choice.html", {"level": _level, "signed": _signed}, plan=plan, found=found,
                  metric=METRIC, picture=picture, confidence=plan.deployment.gate.policy.confidence)  # fmt: skip
    content = json.dumps(finite(asdict(found)), indent=1)
    for name, text in (("model_choice.html", page), ("model_choice.json", content)):
        lake.store.put(f"runs/{plan.run}/model_choice/{name}", text.encode())
    return " ".join([f"{found.pick.words}.", *found.suits.words])


def choice(plan: Plan, family: str) -> Choice:
    """Return all models of an evaluated run side by side; ``family``: the one that the gate chose."""
    lake = plan.open_lake()
    scores = lake.read("scores", plan.models_version, [plan.partition])
    blocks = {role: paired(scores, role) for role in ("train", "validation", "test")}
    table, manifest = read_table(plan)
    rival, apart = serving(champion_release(plan, lake)), differences(plan)
    models = [_model(plan, lake, name, blocks, comparison) for name, comparison in apart.items()]
    models.sort(key=lambda one: (not one.candidate, -np.nan_to_num(one.test, nan=-1.0)))
    return Choice(
        family=family,
        rival=rival,
        pick=pick(plan, lake, blocks["validation"]),
        models=models,
        segments=_segments(blocks["test"], [one.name for one in models]),
        predictions=_predictions(plan, table, manifest.facts["columns"], blocks["test"]),
        suits=suits(table, undecided(plan, lake, blocks["validation"]), plan),
    )


def _model(plan: Plan, lake: Lake, name: str, blocks: dict[str, Paired], comparison: Comparison) -> Model:
    mean = {role: block.mean(name).traffic_weighted for role, block in blocks.items()}
    known: dict[str, Any] = {"name": name, "candidate": name in plan.families, "comparison": comparison, **mean}
    if name not in plan.families:
        return Model(**known)
    summary = lake.get_json(f"{folder(plan, name)}/summary.json") or {}
    return Model(
        **known,
        size=size(candidate(plan, name).model),
        seconds=float(summary.get("seconds", "nan")),
        fit=(summary.get("diagnosis") or {}).get("words", ""),
        learning=(summary.get("learning") or {}).get("words", ""),
    )


def _segments(test: Paired, models: list[str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for kind in ("traffic", "novelty"):
        for label in sorted(set(test.segments[kind].tolist())):
            inside = test.segments[kind] == label
            found[f"{kind}: {label}"] = {
                model: means(test.of(model)[inside], test.traffic[inside]).traffic_weighted for model in models
            }
    return found


def _predictions(plan: Plan, table: pa.Table, columns: dict[str, str], test: Paired) -> list[Predictions]:
    """Return the predictions of every family whose scores say something of g, on judged test rows."""
    import pyarrow.compute as pc

    rows = table.filter(pc.and_(pc.equal(table["role"], "test"), table["judged"]))
    g, weight = rows["g"].to_numpy().astype(float), rows["weight"].to_numpy().astype(float)
    labels = dict(zip(test.queries, test.segments["traffic"].tolist(), strict=True))
    segment = np.array([labels.get(group, "") for group in rows["query_group"].to_pylist()])
    found = []
    for family in learned(plan) if len(g) else ():
        if LINKS.get(family, "order") == "order":
            continue
        predicted = estimate(family, candidate(plan, family).scores(rows, columns).astype(float))
        if predicted is not None:
            found.append(Predictions(family, _reliability(predicted, g, weight), _by(segment, predicted, g, weight)))
    return found


def _reliability(predicted: NDArray[np.float64], g: NDArray[np.float64], weight: NDArray[np.float64]) -> list[Bin]:
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, _BINS + 1)))
    places = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, max(len(edges) - 2, 0))
    labels = np.array([f"{low:.3f} … {high:.3f}" for low, high in pairwise(edges.tolist())] or ["all"])
    return [_bin(labels[n], places == n, predicted, g, weight) for n in range(len(labels)) if (places == n).any()]


def _by(
    segment: NDArray[np.str_], predicted: NDArray[np.float64], g: NDArray[np.float64], weight: NDArray[np.float64]
) -> list[Bin]:
    return [
        _bin(label or "not known", segment == label, predicted, g, weight) for label in sorted(set(segment.tolist()))
    ]


def _bin(label: str, inside: Any, predicted: NDArray[np.float64], g: NDArray[np.float64], weight: Any) -> Bin:
    w = weight[inside]
    return Bin(
        str(label),
        int(inside.sum()),
        float(np.average(predicted[inside], weights=w)),
        float(np.average(g[inside], weights=w)),
    )


def _picture(found: Choice) -> bytes:
    from reprise.tracking import plots

    rows = {
        one.name: (one.comparison.difference, one.comparison.lower, one.comparison.upper)
        for one in found.models
        if one.name != found.rival and not np.isnan(one.comparison.lower)
    }
    return plots.intervals(rows, f"{METRIC} on the test block, minus {found.rival}", "Models beside what serves")


def _level(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:+.3f}"
