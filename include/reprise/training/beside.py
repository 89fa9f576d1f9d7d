"""Metrics that stand beside the deciding one in MLflow: of judged items, under the measured θ. None of them decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from reprise.metrics import Err, Judged, Metric, Ndcg, ReciprocalRank, Rmse, Success
from reprise.training.losses import LINKS

if TYPE_CHECKING:
    import numpy.typing as npt
#: From a score to g, by how the loss links them; an order alone says nothing of how much.
_INVERSE: dict[str, Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]] = {
    "identity": lambda scores: scores,
    "log": np.exp,
    "logit": expit,
}


def metrics(theta: npt.NDArray[np.float64]) -> list[Metric]:
    """Return the metrics of a ranking; the examination discount is of as many places as the curve has, ten at most."""
    places = min(10, len(theta))
    return [Ndcg(places, "examination", tuple(theta.tolist())), Err(10), ReciprocalRank(10), Success(1)]


def values(
    codes: npt.NDArray[np.int64],
    g: npt.NDArray[np.float64],
    consumed: npt.NDArray[np.bool_],
    models: Mapping[str, npt.NDArray[Any]],
    queries: int,
    theta: npt.NDArray[np.float64],
) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """Return model → metric name → value by query code; ``g`` is NaN where unjudged.

    A query in which nothing was consumed counts in none of those that ask what is relevant.
    """
    judged, found = ~np.isnan(g), {}
    for model, scored in models.items():
        scores = scored.astype(float)
        of_judged = (codes[judged], scores[judged], g[judged], queries)
        mine = {metric.name: metric.per_query(*of_judged, consumed[judged]) for metric in metrics(theta)}
        mine[Judged(10).name] = Judged(10).per_query(codes, scores, g, queries)
        estimated = estimate(model, scores)
        if estimated is not None:
            mine[Rmse().name] = Rmse().per_query(codes[judged], estimated[judged], g[judged], queries)
        found[model] = mine
    return found


def estimate(model: str, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    """Return what the scores say of g, 0..1 or above, where the model's loss makes them say it; else None."""
    inverse = _INVERSE.get(LINKS.get(model, "order"))
    return inverse(scores) if inverse else None
