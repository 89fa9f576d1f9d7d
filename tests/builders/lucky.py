"""Retrains by the arithmetic of luck: a family whose settings are all alike in truth, searched, beside a plain one."""

from dataclasses import dataclass

import numpy as np

from reprise.gate.paired import DECIDING_THETA, DECIDING_UNJUDGED, Paired
from reprise.training.tuning.split import kept_back


@dataclass(frozen=True)
class Retrain:
    """``validation``: the values of ``plain`` and of the best of the many of ``searched``, by queries not ``kept``."""

    validation: Paired
    kept: np.ndarray


def paired_of(values, traffic):
    """Values per query of each family, in the deciding reading."""
    queries = [f"q{n}" for n in range(len(traffic))]
    return Paired(queries, traffic, {}, {(one, DECIDING_THETA, DECIDING_UNJUDGED): v for one, v in values.items()})


def retrain(seed, *, ahead, settings=60, queries=300, noise=0.15, one_in=3):
    """A validation block. ``plain`` is truly better by ``ahead`` than every one of the settings of ``searched``."""
    random = np.random.default_rng(seed)
    traffic = np.floor(60 / np.arange(1, queries + 1)) + 1
    base = random.uniform(0.4, 0.7, queries)
    kept = kept_back(traffic, one_in, seed)
    tried = base - ahead + noise * random.standard_normal((settings, queries))
    best = np.argmax(tried[:, ~kept] @ traffic[~kept])
    plain = base + noise * random.standard_normal(queries)
    return Retrain(paired_of({"plain": plain, "searched": tried[best]}, traffic), kept)
