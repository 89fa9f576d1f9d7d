"""`train` on plain files: LambdaMART as LightGBM's own configuration file says, and a diagnosis of what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import UsageError
from reprise.metrics import Ndcg, means
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
    trees are kept: nothing is chosen on the held-out
    file.
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
    curves = {name: _curve(booster, rows, rounds) for name, rows in (("train", learn), ("held_out", apart))}
    values = _per_query(apart, booster.predict(apart.vectors), _READ)
    found = diagnose(
        curves["train"], curves["held_out"], rounds, _chance(learn),
        standard_error(values, np.ones(len(values))), allowed_gap,
    )  # fmt: skip
    return Trained(booster.model_to_string(), _all(booster, learn), _all(booster, apart), found)


def _config(path: Path | None) -> dict[str, Any]:
    """Return the parameters of a LightGBM configuration file, without those about files."""
    if path is None:
        return {}
    if not path.exists():
        raise UsageError(f"there is no file {path}", "give LightGBM's own train.conf, or leave it out")
    lines = (line.partition("#")[0].partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    found = {key.strip(): value.strip() for key, sign, value in lines if sign}
    return {key: value for key, value in found.items() if key not in _FILES}


def _curve(booster: Any, rows: Judged, rounds: int) -> list[float]:
    scores, found = np.zeros(len(rows.grade)), []
    for tree in range(rounds):
        scores = scores + booster.predict(rows.vectors, start_iteration=tree, num_iteration=1)
        found.append(_mean(rows, scores, _READ))
    return found


def _all(booster: Any, rows: Judged) -> dict[int, float]:
    scores = booster.predict(rows.vectors)
    return {cutoff: _mean(rows, scores, cutoff) for cutoff in CUTOFFS}


def _mean(rows: Judged, scores: Floats, cutoff: int) -> float:
    values = _per_query(rows, scores, cutoff)
    return means(values, np.ones(len(values))).per_query


def _per_query(rows: Judged, scores: Any, cutoff: int) -> Floats:
    places = np.empty(len(rows.grade))
    places[np.argsort(-np.asarray(scores, float), kind="stable")] = np.arange(len(rows.grade))
    return _metric(cutoff).per_query(rows.codes, -places, rows.grade, len(rows.sizes))


def _metric(cutoff: int) -> Ndcg:
    return Ndcg(cutoff, gain="exponential", empty="one")


def _chance(rows: Judged) -> float:
    """Return what a random order has: that of equal scores, whose ties count as the mean over all their orders."""
    values = _metric(_READ).per_query(rows.codes, np.zeros(len(rows.grade)), rows.grade, len(rows.sizes))
    return means(values, np.ones(len(values))).per_query


def lines(found: Trained, names: Sequence[str] = ("train", "held out")) -> list[str]:
    """Return what the terminal shows: a line per file, and the diagnosis."""
    rows = zip(names, (found.train, found.held_out), strict=True)
    shown = [f"{name:9} " + "  ".join(f"ndcg@{k} {value:.4f}" for k, value in one.items()) for name, one in rows]
    return [*shown, found.diagnosis.words]
