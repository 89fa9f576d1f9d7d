"""`train` and `evaluate` on vectors in files: LightGBM as its configuration says, any model as Solr scores it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import UsageError
from reprise.metrics import Ndcg, compare, means
from reprise.solr.convert import INTERCEPT
from reprise.solr.files import solr_model
from reprise.solr.score import feature_names, score
from reprise.training.data import Floats
from reprise.training.diagnose import Diagnosis, diagnose, standard_error
from reprise.training.vector_files import Judged, read_vectors

CUTOFFS = (1, 3, 5, 10)
#: The metric that the diagnosis reads.
_READ = 5
#: Of a configuration file, what concerns files and not learning.
_FILES = ("task", "data", "valid_data", "output_model", "machine_list_file", "num_machines", "local_listen_port")


@dataclass(frozen=True)
class Trained:
    """A ranker from files: LightGBM's text, its metric by cutoff on both files, and what is to be said of it."""

    model: str
    train: dict[int, float]
    held_out: dict[int, float]
    diagnosis: Diagnosis


def train_files(train: Path, held_out: Path, config: Path | None = None, allowed_gap: float = 0.15) -> Trained:
    """Return a ranker that learned from one file, measured on both by exponential NDCG.

    Queries without a relevant row count 1, and of equal scores the earlier row comes first, as LightGBM has it. All
    trees are kept: nothing is chosen on the held-out file.
    """
    import lightgbm

    learn = read_vectors(train)
    apart = read_vectors(held_out, len(learn.names))
    if learn.names != apart.names:
        raise UsageError(f"{held_out} has other features than {train}", "give both files the same columns")
    params = {"objective": "lambdarank", "verbose": -1, **_config(config)}
    rounds = int(params.pop("num_trees", params.pop("num_iterations", 100)))
    data = lightgbm.Dataset(learn.vectors, learn.grade, group=learn.sizes, feature_name=learn.names, params=params)
    booster = lightgbm.train({**params, "metric": "None"}, data, rounds)
    parts = {"train": learn, "held_out": apart}
    scores = {name: _after_every_tree(booster, rows, rounds) for name, rows in parts.items()}
    curves = {name: [_mean(rows, one, _READ) for one in scores[name]] for name, rows in parts.items()}
    values = _per_query(apart, scores["held_out"][-1], _READ)
    found = diagnose(
        curves["train"], curves["held_out"], rounds, _chance(learn),
        standard_error(values, np.ones(len(values))), allowed_gap,
    )  # fmt: skip
    return Trained(
        booster.model_to_string(), _all(learn, scores["train"][-1]), _all(apart, scores["held_out"][-1]), found
    )


def evaluate_files(vectors: Path, models: Sequence[Path], names: Sequence[str] | None = None) -> list[str]:
    """Return a line for each model: exponential NDCG of its scores in Solr, and beside the first by the last cutoff.

    ``models``: Solr's JSON, or what `reprise convert` takes. ``names``: what the models call features f1, f2, … of the
    file. A random order stands first. Queries without a relevant row count 1, as LightGBM has it; ties are the mean
    over all orders.
    """
    rows = read_vectors(vectors)
    if names:
        if len(names) != len(rows.names):
            raise UsageError(
                f"{vectors} has {len(rows.names)} features, but {len(names)} names were given", "give one for each"
            )
        rows = replace(rows, names=list(names))
    labels = ["a random order", *(path.name for path in models)]
    scores = [np.zeros(len(rows.grade)), *(_solr_scores(path, rows, names) for path in models)]
    by_query = [{cutoff: _tied(rows, one, cutoff) for cutoff in CUTOFFS} for one in scores]
    shown, last = [], CUTOFFS[-1]
    for number, (label, values) in enumerate(zip(labels, by_query, strict=True)):
        columns = [f"ndcg@{cutoff} {_evenly(one):.4f}" for cutoff, one in values.items()]
        if number > 1:
            beside = compare(values[last], by_query[1][last], np.ones(len(rows.sizes)), head_queries=0)
            interval = f"({beside.lower:+.4f} to {beside.upper:+.4f})"
            columns.append(f"ndcg@{last} beside the first {beside.difference:+.4f} {interval}")
        shown.append("  ".join([label.ljust(max(map(len, labels))), *columns]))
    return shown


def _solr_scores(path: Path, rows: Judged, names: Sequence[str] | None) -> Floats:
    model = solr_model(path, names)
    used = feature_names(model)
    if lacking := sorted(set(used) - set(rows.names) - {INTERCEPT}):
        raise UsageError(f"{path} asks for the features {lacking}, which the vectors lack", "give --names")
    ones = np.ones((len(rows.grade), 1), np.float32)
    return score(model, np.hstack([rows.vectors, ones]), [*rows.names, INTERCEPT]).astype(float)


def _config(path: Path | None) -> dict[str, Any]:
    """Return the parameters of a LightGBM configuration file, without those about files."""
    if path is None:
        return {}
    if not path.exists():
        raise UsageError(f"there is no file {path}", "give LightGBM's own train.conf, or leave it out")
    lines = (line.partition("#")[0].partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    found = {key.strip(): value.strip() for key, sign, value in lines if sign}
    return {key: value for key, value in found.items() if key not in _FILES}


def _after_every_tree(booster: Any, rows: Judged, rounds: int) -> list[Floats]:
    trees = [booster.predict(rows.vectors, start_iteration=tree, num_iteration=1) for tree in range(rounds)]
    return list(np.cumsum(trees, axis=0))


def _all(rows: Judged, scores: Floats) -> dict[int, float]:
    return {cutoff: _mean(rows, scores, cutoff) for cutoff in CUTOFFS}


def _mean(rows: Judged, scores: Floats, cutoff: int) -> float:
    return _evenly(_per_query(rows, scores, cutoff))


def _per_query(rows: Judged, scores: Any, cutoff: int) -> Floats:
    """Return the metric by query where of equal scores the earlier row comes first."""
    places = np.empty(len(rows.grade))
    places[np.argsort(-np.asarray(scores, float), kind="stable")] = np.arange(len(rows.grade))
    return _tied(rows, -places, cutoff)


def _tied(rows: Judged, scores: Floats, cutoff: int) -> Floats:
    """Return the metric by query where equal scores count as the mean over all their orders."""
    metric = Ndcg(cutoff, gain="exponential", empty="one")
    return metric.per_query(rows.codes, scores, rows.grade, len(rows.sizes))


def _evenly(values: Floats) -> float:
    return means(values, np.ones(len(values))).per_query


def _chance(rows: Judged) -> float:
    """Return what a random order has: that of equal scores."""
    return _evenly(_tied(rows, np.zeros(len(rows.grade)), _READ))


def lines(found: Trained, names: Sequence[str] = ("train", "held out")) -> list[str]:
    """Return what the terminal shows: a line per file, and the diagnosis."""
    rows = zip(names, (found.train, found.held_out), strict=True)
    shown = [f"{name:9} " + "  ".join(f"ndcg@{k} {value:.4f}" for k, value in one.items()) for name, one in rows]
    return [*shown, found.diagnosis.words]
