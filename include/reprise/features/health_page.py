"""The feature report as one self-contained page."""

from __future__ import annotations

import math
from collections.abc import Mapping

from reprise.features.health import Health
from reprise.pages import render


def to_html(
    health: Health, run: str, meanings: Mapping[str, str], metric: str, rows: int, judged: int, limit: float
) -> str:
    """Return the page. ``meanings``: a sentence for each feature; ``limit``: the AUC from which one is suspected."""
    return render(
        "reprise.features",
        "health.html",
        {"short": _short, "share": _share, "level": _level, "shade": _shade},
        health=health,
        run=run,
        meanings={one.name: meanings.get(one.name, "what the live model knows of it") for one in health.features},
        metric=metric,
        rows=rows,
        judged=judged,
        limit=limit,
        suspects=health.suspects(limit),
    )


def _short(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3g}"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def _level(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def _shade(rho: float) -> str:
    """Return white for 0, blue towards 1, red towards −1."""
    fade = round(255 * (1 - min(1.0, abs(rho))))
    return f"rgb({fade}, {fade}, 255)" if rho >= 0 else f"rgb(255, {fade}, {fade})"
