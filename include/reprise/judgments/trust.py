"""Trust bias: on top an item is taken for better than it is, and consumed for being there.

Then what an item brings at position k is α(k) · g + β(k), and no single factor can set it right (Agarwal et al., WWW
2019; Vardasbi et al., *When inverse propensity scoring does not work: affine corrections for unbiased learning to
rank*, CIKM 2020). Items of different worth tell the two apart: the ratio of what good ones bring at two positions is
nearer to that of the α than the ratio of bad ones is. Which are good must not be read from the impressions that are
compared, whose luck it would be; it is read from the same pair's other days.

The scale of g and its zero are conventions: α(1) = 1, and β = 0 at the last position, where nobody trusts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
#: Tiers of worth by what the pair brought per impression on other days, in means of all.
TIERS = (0.25, 0.75, 1.5, 3.0)
_LOWEST, _START = np.exp(-14.0), 1e-3


@dataclass(frozen=True)
class Level:
    """All pairs of one tier between two positions: what they brought at each, and with what weight.

    With n impressions and consumption u at each of both: utility_upper += w · u_upper / n_upper with w = n_upper ·
    n_lower / (n_upper + n_lower), and likewise below; ``weight`` += w; ``pairs`` counts (query, item, day, scope,
    surface).
    """

    upper: int
    lower: int
    tier: int
    utility_upper: float
    utility_lower: float
    weight: float
    pairs: int


def affine(levels: Sequence[Level], positions: int) -> tuple[Floats, Floats]:
    """Return α and β by position, under which these levels are likeliest (Poisson), each with a worth of its own.

    Every position must be in some level with a higher one.
    """
    from scipy.optimize import minimize

    a, b = (np.array([getattr(level, end) - 1 for level in levels]) for end in ("upper", "lower"))
    u, v, w = (
        np.array([getattr(level, name) for level in levels], dtype=np.float64)
        for name in ("utility_upper", "utility_lower", "weight")
    )
    free = positions - 1

    def parameters(x: Floats) -> tuple[Floats, Floats, Floats]:
        alpha, beta = np.exp(x[:free]), np.exp(x[free : 2 * free])
        return np.concatenate([[1.0], alpha]), np.concatenate([beta, [0.0]]), np.exp(x[2 * free :])

    def cost(x: Floats) -> tuple[float, Floats]:
        alpha, beta, worth = parameters(x)
        upper, lower = (np.maximum(alpha[at] * worth + beta[at], _LOWEST) for at in (a, b))
        total = (w * upper - u * np.log(upper) + w * lower - v * np.log(lower)).sum()
        by_upper, by_lower = w - u / upper, w - v / lower
        of_alpha = np.bincount(a, by_upper * worth, positions) + np.bincount(b, by_lower * worth, positions)
        of_beta = np.bincount(a, by_upper, positions) + np.bincount(b, by_lower, positions)
        of_worth = by_upper * alpha[a] + by_lower * alpha[b]
        return float(total), np.concatenate([of_alpha[1:] * alpha[1:], of_beta[:-1] * beta[:-1], of_worth * worth])

    start = np.concatenate(
        [-np.log(np.arange(2, positions + 1)), np.full(free, np.log(_START)), np.log((u + v + 1e-6) / (2 * w))]
    )
    bounds = [(-7.0, 1.0)] * free + [(-14.0, 0.0)] * (free + len(levels))
    found = minimize(
        cost, np.clip(start, -14.0, 0.0), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 5000, "maxfun": 20_000},
    )  # fmt: skip
    alpha, beta, _ = parameters(found.x)
    return alpha, beta


def lacking(levels: Sequence[Level], positions: int, min_pairs: int) -> str:
    """Return which positions too few pairs compare with higher ones, empty if none: then nothing can be told."""
    pairs = np.zeros(positions + 1, dtype=np.int64)
    for level in levels:
        pairs[level.lower] += level.pairs
    thin = [f"{k}: {pairs[k]}" for k in range(2, positions + 1) if pairs[k] < min_pairs]
    return f"trust bias cannot be measured ({', '.join(thin)}; {min_pairs} pairs needed)" if thin else ""
