"""Features that say the same, and a short list that says much: both from Spearman's ρ alone, without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from reprise.settings.features import Cost

Floats = NDArray[np.float64]
#: Cheapest first: of two features that say the same, the cheaper is kept.
COSTS: tuple[Cost, ...] = ("free", "cheap", "dear")


def clusters(
    names: Sequence[str], rho: Floats, costs: Mapping[str, Cost], relevance: Floats, least: float
) -> list[list[str]]:
    """Return groups of features whose |ρ| is on average at least ``least``, each with the one to keep first.

    Average linkage on 1 − |ρ|. The one to keep is the cheapest, of these the most relevant. Singles are groups too.
    """
    if len(names) < 2:
        return [[name] for name in names]
    distance = np.clip(1.0 - np.abs(rho), 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    labels = fcluster(linkage(squareform(distance, checks=False), "average"), 1.0 - least, "distance")
    groups: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        groups.setdefault(int(label), []).append(place)

    def best_first(n: int) -> tuple[int, float, int]:
        return COSTS.index(costs[names[n]]), -relevance[n], n

    ranked = [sorted(group, key=best_first) for group in groups.values()]
    return [[names[n] for n in group] for group in sorted(ranked, key=min)]


def mrmr(names: Sequence[str], rho: Floats, relevance: Floats) -> list[str]:
    """Return all features in the order in which each adds most: relevance less mean |ρ| with those before it.

    The difference form of minimal redundancy and maximal relevance (Ding & Peng, J. Bioinformatics and Computational
    Biology 2005), with ranks in place of mutual information. ``relevance`` is a feature's |ρ| with the label.
    """
    left, chosen = list(range(len(names))), list[int]()
    while left:
        shared = np.abs(rho[:, chosen]).mean(axis=1) if chosen else np.zeros(len(names))
        best = max(left, key=lambda n: (relevance[n] - shared[n], -n))
        chosen.append(best)
        left.remove(best)
    return [names[n] for n in chosen]
