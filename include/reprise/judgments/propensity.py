"""Position bias θ: how likely the item at a position is looked at, position 1 = 1.

Intervention harvesting, adjacent chain (Agarwal et al., WSDM 2019): wherever the same item stood at k and at k + 1
for the same query, day, scope and surface, only the position differs, so the ratio of click rates is
θ(k+1) / θ(k). Contrasts are taken within the day and then pooled, since an item that is new or in fashion moves up
while it is clicked more. Where rankers never disagree and nothing is swapped there is nothing to compare, and no
method can tell position from relevance: then this says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reprise.settings.gate import Theta


@dataclass(frozen=True)
class Contrast:
    """All contrasts between position ``upper`` and the next one, pooled by inverse variance.

    With n impressions and c clicks at each of both places: upper += c_k·n_k+1 / (n_k + n_k+1), and likewise below;
    ``pairs`` counts the (query, item, day, scope, surface) in which either place was clicked.
    """

    upper: int
    clicks_upper: float
    clicks_lower: float
    pairs: int


@dataclass(frozen=True)
class Curve:
    """One θ per position from 1; ``method`` is harvested, assumed or constant."""

    variant: str
    theta: tuple[float, ...]
    pairs: tuple[int, ...]  # contrasts behind each position; 0 where none were used
    method: str


def curves(contrasts: Sequence[Contrast], settings: Theta, positions: int) -> tuple[list[Curve], str]:
    """Return the curves measured, one, assumed and steep, and why θ could not be measured (empty if it was).

    Where it could not, ``measured`` holds the assumed curve and its method says so.
    """
    assumed, none = _assumed(settings, positions), (0,) * positions
    steep = tuple(max(settings.clip, float(t**settings.steep_power)) for t in assumed)
    reason = _unidentified(contrasts, settings.min_pairs, positions)
    if reason:
        measured = Curve("measured", assumed, none, "assumed")
    else:
        measured = _chain({c.upper: c for c in contrasts}, settings.clip, positions)
    constant = Curve("one", (1.0,) * positions, none, "constant")
    return [
        measured,
        constant,
        Curve("assumed", assumed, none, "assumed"),
        Curve("steep", steep, none, "assumed"),
    ], reason


def _assumed(settings: Theta, positions: int) -> tuple[float, ...]:
    given = settings.assumed[:positions]
    return tuple(max(settings.clip, t) for t in (*given, *[given[-1]] * (positions - len(given))))


def _unidentified(contrasts: Sequence[Contrast], min_pairs: int, positions: int) -> str:
    """Return which neighbouring positions have too few contrasts, or nothing where all have enough."""
    pairs = {c.upper: c.pairs if c.clicks_upper > 0 else 0 for c in contrasts}
    short = [(k, pairs.get(k, 0)) for k in range(1, positions) if pairs.get(k, 0) < min_pairs]
    if not short:
        return ""
    listed = ", ".join(f"{k}→{k + 1}: {n}" for k, n in short)
    return f"too few items were seen at neighbouring positions on one day ({listed}; {min_pairs} needed)"


def _chain(by_upper: dict[int, Contrast], clip: float, positions: int) -> Curve:
    """Multiply the ratios down from position 1; each θ stays within clip..1."""
    ratios = [by_upper[k].clicks_lower / by_upper[k].clicks_upper for k in range(1, positions)]
    theta = np.clip(np.cumprod([1.0, *ratios]), clip, 1.0)
    pairs = (by_upper[1].pairs if positions > 1 else 0, *(by_upper[k].pairs for k in range(1, positions)))
    return Curve("measured", tuple(float(t) for t in theta), pairs, "harvested")
