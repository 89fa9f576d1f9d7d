"""Behaviour of some items: plans that end on a day, and the lake's values of it, without a Spark."""

import dataclasses

import numpy as np
import pyarrow as pa

from builders.small_service import DAYS, small_plan
from reprise import tables
from reprise.features import publish

ITEMS = [f"song:{n}" for n in range(300)]
FEATURES = [
    {"name": "plays", "kind": "behaviour", "meaning": "m", "measure": "plays"},
    {"name": "rate", "kind": "behaviour", "meaning": "m", "measure": "completion", "default": 0.5},
]


def plan_at(folder, core, day=DAYS[-1]):
    """A plan whose newest day is this one."""
    plan = small_plan(folder, core=core.core, features=FEATURES, urls=core.urls)
    return dataclasses.replace(plan, days=DAYS[: DAYS.index(day) + 1])


def behave(plan, values):
    """Publish the lake's behaviour of the plan's newest day: item → plays, rate."""
    names = list(publish.serving_fields(plan))
    rows = [{"item": item, **dict(zip(names, pair, strict=True))} for item, pair in values.items()]
    table = pa.Table.from_pylist(rows, tables.behaviour(names))
    plan.open_lake().write("behaviour", publish.behaviour_version(plan), f"dt={plan.as_of}", table)
    return {item: tuple(map(np.float32, pair)) for item, pair in values.items()}


def some(seed, items=ITEMS):
    random = np.random.default_rng(seed)
    return {item: (float(random.exponential(2)), float(random.random())) for item in items}
