"""What a Pareto front leaves to read: its points with knee and choice, as JSON and as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from reprise.settings.tuning import Objective
from reprise.tracking import plots
from reprise.training.data import Floats
from reprise.training.tuning.front import front, knee


def front_reports(
    title: str, names: Sequence[Objective], told: Sequence[dict[str, Any]], points: Floats, chosen: int
) -> dict[str, bytes]:
    """Return ``front.json`` and ``front.png``.

    ``told``: what is said of each point, its ``values`` by objective among it; ``points``: these, more always better.
    """
    kept, bend = front(points), knee(points)
    content = {
        "objectives": list(names),
        "front": [one for one, stays in zip(told, kept, strict=True) if stays],
        "knee": None if bend is None else told[bend],
        "chosen": told[chosen],
    }
    marked = {"chosen": chosen} if bend is None else {"chosen": chosen, "knee": bend}
    if bend == chosen:
        marked = {"chosen, the knee": chosen}
    if told[0].get("trial") == 0:
        marked["as it stands"] = 0
    by_objective: dict[str, list[float]] = {name: [one["values"][name] for one in told] for name in names}
    return {
        "front.json": json.dumps(content, indent=1).encode(),
        "front.png": plots.pareto_front(by_objective, kept.tolist(), marked, title),
    }
