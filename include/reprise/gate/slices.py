"""Parts of the test queries, and the candidate beside the champion in each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reprise.gate.paired import Paired
from reprise.metrics import Comparison, means
from reprise.settings.gate import Policy

_SHOWN = 8  # of one kind: languages can be many


@dataclass(frozen=True)
class Slice:
    """One part of the test queries: the candidate beside the champion there."""

    kind: str  # traffic | language | novelty
    name: str
    traffic_share: float
    candidate: float
    champion: float
    comparison: Comparison


def slices_of(test: Paired, family: str, champion: str, policy: Policy) -> list[Slice]:
    """Return every segment, the biggest languages and both novelties, heaviest first within a kind."""
    total, slices = test.traffic.sum(), []
    for kind, labels in test.segments.items():
        names, codes = np.unique(labels, return_inverse=True)
        weights = np.bincount(codes, weights=test.traffic)
        for n in np.argsort(-weights, kind="stable")[:_SHOWN].tolist():
            inside = codes == n
            ours, theirs = (means(test.of(model)[inside], test.traffic[inside]) for model in (family, champion))
            comparison = test.compare(family, champion, policy, inside)
            slices.append(
                Slice(
                    kind,
                    str(names[n]),
                    float(weights[n] / total),
                    ours.traffic_weighted,
                    theirs.traffic_weighted,
                    comparison,
                )
            )
    return slices
