"""Parts of the test queries, and the candidate beside the champion in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reprise.gate.paired import Beside, Paired
from reprise.metrics import Comparison, means

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


@dataclass(frozen=True)
class Segment:
    """A part of the test queries: which, by name and along the query axis, and its share of the searches."""

    kind: str
    name: str
    traffic_share: float
    inside: NDArray[np.bool_]


def segments_of(test: Paired) -> list[Segment]:
    """Return every segment, the biggest languages and both novelties, heaviest first within a kind."""
    total, found = test.traffic.sum(), []
    for kind, labels in test.segments.items():
        names, codes = np.unique(labels, return_inverse=True)
        if len(names) < 2:
            continue  # the whole is no part of itself
        weights = np.bincount(codes, weights=test.traffic)
        for n in np.argsort(-weights, kind="stable")[:_SHOWN].tolist():
            found.append(Segment(kind, str(names[n]), float(weights[n] / total), codes == n))
    return found


def asked_of(segments: Sequence[Segment], family: str, champion: str) -> list[Beside]:
    """Return what to compare for ``slices_of``."""
    return [Beside(family, champion, only=segment.inside) for segment in segments]


def slices_of(
    test: Paired, segments: Sequence[Segment], family: str, champion: str, found: Sequence[Comparison]
) -> list[Slice]:
    """Return each segment with its means and what ``asked_of`` asked."""

    def mean(model: str, one: Segment) -> float:
        return means(test.of(model)[one.inside], test.traffic[one.inside]).traffic_weighted

    return [
        Slice(one.kind, one.name, one.traffic_share, mean(family, one), mean(champion, one), comparison)
        for one, comparison in zip(segments, found, strict=True)
    ]
