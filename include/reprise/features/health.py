"""What each feature looks like, alone: how it is spread, what it can do by itself, what it repeats, how it drifts.

A feature that alone tells good from bad almost without error does not know the query that well: it has seen the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reprise.metrics import consumption_ndcg, means
from reprise.pages import finite

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
#: Rows that ranks and correlations are taken of: they are no surer with more.
SAMPLE = 50_000
_BINS = 10
_BARS = 12
_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Part:
    """Some rows of the training set: a column per feature, in the catalogue's order; ``g`` is NaN where unjudged."""

    vectors: NDArray[np.float32]
    codes: Codes  # which query a row answers
    g: Floats
    traffic: Floats  # of the row's query

    def judged(self) -> Part:
        """Return the judged rows, queries numbered anew."""
        keep = ~np.isnan(self.g)
        _, codes = np.unique(self.codes[keep], return_inverse=True)
        return Part(self.vectors[keep], codes, self.g[keep], self.traffic[keep])


@dataclass(frozen=True)
class Histogram:
    """How a feature's values are spread: shares of training rows, and of the held-out rows worth more than the median.

    Between ``edges`` of equal width, from the 1st to the 99th percentile of training rows; what lies outside is in the
    outermost bars.
    """

    edges: tuple[float, ...]
    rows: tuple[float, ...]
    good: tuple[float, ...]


@dataclass(frozen=True)
class FeatureHealth:
    """One feature. ``alone`` is the deciding metric of an order by it, in its better direction (``rises``).

    ``auc``: the chance that of two judged items, one worth more than the median and one not, it puts the better first,
    in its better direction; 0.5 says nothing. ``drift``: population stability index of the test block's rows beside
    the training blocks', 0 for none; ``since_last`` the same of its training rows beside the last training's, NaN
    where there was none. ``unknown_share``: training rows where it is the default. ``repeats`` names the other feature
    it goes with most, and ``repeats_by`` Spearman's ρ of the two.
    """

    name: str
    mean: float
    deviation: float
    quantiles: tuple[float, ...]  # 5, 50 and 95 %
    unknown_share: float
    zero_share: float
    distinct: int
    alone: float
    rises: bool
    auc: float
    drift: float
    since_last: float
    repeats: str
    repeats_by: float
    histogram: Histogram


@dataclass(frozen=True)
class Health:
    """All features, and Spearman's ρ of each with each, row by row in the same order."""

    features: list[FeatureHealth]
    correlations: list[list[float]]

    def suspects(self, limit: float) -> list[FeatureHealth]:
        """Return the features whose AUC is at least the limit, the most telling first."""
        found = [one for one in self.features if one.auc >= limit]
        return sorted(found, key=lambda one: -one.auc)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON; what is no number is None."""
        return dict(finite(asdict(self)))


def examine(
    names: Sequence[str],
    train: Part,
    held_out: Part,
    test: Part,
    *,
    defaults: Mapping[str, float] | None = None,
    last: Mapping[str, Histogram] | None = None,
    seed: int = 0,
) -> Health:
    """Return the health of every feature: spread of training rows, power on the held-out ones, drift to the test's.

    ``defaults`` of features, 0 where none is given; ``last``: the histograms of the training before this one.
    """
    judged, rng = held_out.judged(), np.random.default_rng(seed)
    picked = rng.permutation(len(train.g))[:SAMPLE]
    rho = spearman(train.vectors[picked].astype(np.float64))
    found = [
        _one(names, n, train, judged, test, rho, (defaults or {}).get(name, 0.0), (last or {}).get(name))
        for n, name in enumerate(names)
    ]
    return Health(found, np.round(rho, 4).tolist())


def _one(
    names: Sequence[str],
    n: int,
    train: Part,
    judged: Part,
    test: Part,
    rho: Floats,
    default: float,
    last: Histogram | None,
) -> FeatureHealth:
    values = train.vectors[:, n].astype(np.float64)
    others = np.abs(rho[n]).copy()
    others[n] = -1.0
    nearest = int(np.argmax(others)) if len(names) > 1 else n
    up, down = (_alone(judged, sign * judged.vectors[:, n].astype(np.float64)) for sign in (1.0, -1.0))
    auc = _auc(judged.vectors[:, n].astype(np.float64), judged.g > np.median(judged.g)) if len(judged.g) else np.nan
    return FeatureHealth(
        name=names[n],
        mean=float(values.mean()) if len(values) else np.nan,
        deviation=float(values.std()) if len(values) else np.nan,
        quantiles=tuple(np.quantile(values, _QUANTILES).tolist()) if len(values) else (),
        unknown_share=float((values == default).mean()) if len(values) else np.nan,
        zero_share=float((values == 0).mean()) if len(values) else np.nan,
        distinct=len(np.unique(values)),
        alone=float(np.nanmax([up, down])) if np.isfinite([up, down]).any() else np.nan,
        rises=not down > up,
        auc=float(max(auc, 1 - auc)) if np.isfinite(auc) else np.nan,
        drift=stability(values, test.vectors[:, n].astype(np.float64)),
        since_last=_since(last, values),
        repeats=names[nearest] if nearest != n else "",
        repeats_by=float(rho[n, nearest]) if nearest != n else np.nan,
        histogram=_histogram(values, judged.vectors[judged.g > _median(judged.g), n].astype(np.float64)),
    )


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _histogram(values: Floats, good: Floats) -> Histogram:
    if not len(values):
        return Histogram((), (), ())
    low, high = np.quantile(values, [0.01, 0.99])
    edges = np.linspace(low, high if high > low else low + 1, _BARS + 1)
    return Histogram(tuple(edges.tolist()), _shares(edges, values), _shares(edges, good))


def _shares(edges: Sequence[float] | Floats, values: Floats) -> tuple[float, ...]:
    """Return what share of the values each bar holds; none of them, 0 each."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return tuple((counts / max(len(values), 1)).tolist())


def _since(last: Histogram | None, values: Floats) -> float:
    """Return the population stability index beside an earlier histogram, half a per mille added to each bar."""
    if last is None or not last.edges or not len(values):
        return float("nan")
    before, after = (np.array(shares) + 0.0005 for shares in (last.rows, _shares(last.edges, values)))
    return float(((after - before) * np.log(after / before)).sum())


def _alone(judged: Part, scores: Floats) -> float:
    if not len(judged.g):
        return float("nan")
    queries = int(judged.codes[-1]) + 1 if len(judged.codes) else 0
    values = consumption_ndcg().per_query(judged.codes, scores, judged.g, queries)
    _, first = np.unique(judged.codes, return_index=True)
    return means(values, judged.traffic[first]).traffic_weighted


def _auc(values: Floats, positive: NDArray[np.bool_]) -> float:
    """Return the Mann–Whitney statistic over pairs of a positive and a negative row; ties count half."""
    ranks, good = _ranks(values), int(positive.sum())
    bad = len(values) - good
    if not good or not bad:
        return float("nan")
    return float((ranks[positive].sum() - good * (good + 1) / 2) / (good * bad))


def _ranks(values: Floats) -> Floats:
    """Return ranks from 1, tied values at their mean."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[at]


def spearman(matrix: Floats) -> Floats:
    """Return Spearman's ρ of each column with each; one that never changes goes with nothing."""
    if len(matrix) < 2:
        return np.eye(matrix.shape[1])
    ranked = np.apply_along_axis(_ranks, 0, matrix)
    centred = ranked - ranked.mean(axis=0)
    size = np.sqrt((centred**2).sum(axis=0))
    scaled = np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
    rho = scaled.T @ scaled
    np.fill_diagonal(rho, 1.0)
    return np.clip(rho, -1.0, 1.0)


def stability(before: Floats, after: Floats) -> float:
    """Return the population stability index of two samples of a number; 0 where they are spread alike.

    That is Σ (a − b) · ln(a / b) over tenths of ``before``, half a row added to each so that none is empty.
    """
    if not len(before) or not len(after):
        return float("nan")
    edges = np.unique(np.quantile(before, np.linspace(0, 1, _BINS + 1)[1:-1]))
    share = [
        (np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + 0.5)
        / (len(values) + 0.5 * (len(edges) + 1))
        for values in (before, after)
    ]
    return float(((share[1] - share[0]) * np.log(share[1] / share[0])).sum())
