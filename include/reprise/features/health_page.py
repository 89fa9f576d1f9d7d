"""The feature report as one self-contained page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from reprise.features.health import Health, Histogram
from reprise.pages import render


def to_html(
    health: Health,
    *,
    run: str,
    meanings: Mapping[str, str],
    metric: str,
    rows: int,
    judged: int,
    limit: float,
    ceiling: Mapping[str, Any],
    reach: Mapping[str, Any],
    skew: Mapping[str, Mapping[str, float]],
    last: str,
) -> str:
    """Return the page.

    ``meanings``: a sentence for each feature; ``limit``: the AUC from which one is suspected; ``ceiling``: what
    retrieval leaves to a ranker; ``reach``: the training set's facts; ``skew``: by feature, empty where the live engine
    logged no vectors; ``last``: the run before, or nothing.
    """
    return render(
        "reprise.features",
        "health.html",
        {"short": _short, "share": _share, "level": _level, "shade": _shade, "bars": _bars},
        health=health,
        run=run,
        meanings={one.name: meanings.get(one.name, "what the live model knows of it") for one in health.features},
        metric=metric,
        rows=rows,
        judged=judged,
        limit=limit,
        suspects=health.suspects(limit),
        ceiling=ceiling,
        reach=reach,
        skew=skew,
        last=last,
    )


def _short(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def _level(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _bars(histogram: Histogram) -> list[dict[str, float]]:
    """Return where the bars stand in a drawing of 120 by 32: of all rows, and of those worth more."""
    tallest = max([*histogram.rows, *histogram.good, 1e-9])
    width = 120 / max(len(histogram.rows), 1)
    heights = zip(histogram.rows, histogram.good, strict=True)
    return [
        {"x": n * width, "width": width - 1, "rows": 30 * rows / tallest, "good": 30 * good / tallest}
        for n, (rows, good) in enumerate(heights)
    ]


def _shade(rho: float) -> str:
    """Return white for 0, blue towards 1, red towards −1."""
    fade = round(255 * (1 - min(1.0, abs(rho))))
    return f"rgb({fade}, {fade}, 255)" if rho >= 0 else f"rgb(255, {fade}, {fade})"
