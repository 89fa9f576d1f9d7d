"""What is searched: a family's space as Optuna's distributions, as a grid, and a point of it as settings."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.settings import Gate
from reprise.settings.base import Strict
from reprise.settings.tuning import Space, Span, is_whole

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Params = dict[str, Any]


def distributions(space: Space, kind: type[Strict]) -> dict[str, BaseDistribution]:
    """Return the space as Optuna draws from it; ``kind`` says which settings are whole numbers."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for name, values in space.items():
        if not isinstance(values, Span):
            found[name] = CategoricalDistribution(values)
        elif is_whole(kind, name):
            found[name] = IntDistribution(int(values.low), int(values.high), log=values.log)
        else:
            found[name] = FloatDistribution(values.low, values.high, log=values.log)
    return found


def grid(space: Space, kind: type[Strict], steps: int, seed: int) -> list[Params]:
    """Return every point of a grid over the space, shuffled, so that a budget cuts off no corner of it."""
    axes = [_axis(values, steps, is_whole(kind, name)) for name, values in space.items()]
    points = [dict(zip(space, point, strict=True)) for point in itertools.product(*axes)]
    return [points[n] for n in np.random.default_rng(seed).permutation(len(points))]


def _axis(values: Span | list[Any], steps: int, integer: bool) -> list[Any]:
    if not isinstance(values, Span):
        return values
    spread = np.geomspace if values.log else np.linspace
    points = np.clip(spread(values.low, values.high, steps), values.low, values.high)  # rounding may leave the span
    return sorted({round(point) for point in points.tolist()}) if integer else points.tolist()


def with_params(gate: Gate, family: str, params: Params) -> Gate:
    """Return the gate with some of a family's settings changed."""
    settings = getattr(gate, family)
    changed = type(settings).model_validate({**settings.model_dump(), **params})
    return gate.model_copy(update={family: changed})


def as_they_stand(gate: Gate, family: str, space: Space) -> Params:
    """Return the searched settings with the values that ``gate.yaml`` gives them."""
    settings = getattr(gate, family)
    return {name: getattr(settings, name) for name in space}
