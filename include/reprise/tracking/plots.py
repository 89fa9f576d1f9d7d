"""Plots as PNG bytes, drawn without a display."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SHOWN = 20  # features
_MOST_INTERVALS = 40


def learning_curve(curve: Mapping[str, Sequence[float]], metric: str) -> bytes:
    """Return the metric on train and validation, round by round."""

    def draw(axes: Axes) -> None:
        for name, values in curve.items():
            axes.plot(range(1, len(values) + 1), values, marker="o" if len(values) == 1 else None, label=name)
        axes.set_xlabel("round")
        axes.set_ylabel(metric)
        axes.legend()

    return _png(draw, "Learning curve")


def fits(points: Sequence[Mapping[str, float]], by: str, metric: str, spread: float, log: bool = False) -> bytes:
    """Return the metric on a fit's own rows and on held-out ones, over what the fits differ by.

    ``points``: ``at``, ``train``, ``held_out``. ``spread``: a standard deviation, drawn around the held-out curve.
    """
    at, train, held_out = ([point[name] for point in points] for name in ("at", "train", "held_out"))

    def draw(axes: Axes) -> None:
        axes.plot(at, train, marker="o", label="own rows")
        (line,) = axes.plot(at, held_out, marker="o", label="held out")
        low, high = ([value + side * spread for value in held_out] for side in (-1, 1))
        axes.fill_between(at, low, high, color=line.get_color(), alpha=0.15)
        axes.set_xscale("log" if log else "linear")
        axes.set_xlabel(by)
        axes.set_ylabel(metric)
        axes.legend()

    return _png(draw, f"What fits of other {by} reach")


def importances(shares: Mapping[str, float], meanings: Mapping[str, str]) -> bytes:
    """Return the share of each feature, the largest on top, with what it means where ``meanings`` says so."""
    ordered = sorted(shares.items(), key=lambda pair: pair[1])[-_SHOWN:]

    def draw(axes: Axes) -> None:
        labels = [f"{name}: {meanings[name]}" if name in meanings else name for name, _ in ordered]
        axes.barh([shorten(label, 70, placeholder=" …") for label in labels], [share for _, share in ordered])
        axes.set_xlabel("share of importance")

    return _png(draw, "Features", (11, 6))


def effects(found: Mapping[str, Mapping[str, float]], meanings: Mapping[str, str]) -> bytes:
    """Return each feature's mean ``effect``, the largest on top; orange where a higher value lowers the score."""
    ordered = sorted(found.items(), key=lambda pair: pair[1]["effect"])[-_SHOWN:]

    def draw(axes: Axes) -> None:
        labels = [f"{name}: {meanings[name]}" if name in meanings else name for name, _ in ordered]
        colours = ["tab:orange" if one["direction"] < 0 else "tab:blue" for _, one in ordered]
        axes.barh(
            [shorten(label, 70, placeholder=" …") for label in labels],
            [one["effect"] for _, one in ordered],
            color=colours,
        )
        axes.set_xlabel("mean |contribution| to a score, beside the query's other items; orange: more is worse")

    return _png(draw, "What features bring to scores", (11, 6))


def segments(values: Mapping[str, Mapping[str, float]], metric: str) -> bytes:
    """Return the metric of models by segment, side by side; ``values`` is model → segment → value."""
    names = sorted({segment for by_segment in values.values() for segment in by_segment})

    def draw(axes: Axes) -> None:
        width = 0.8 / max(len(values), 1)
        for place, (model, by_segment) in enumerate(values.items()):
            middles = [n + (place - (len(values) - 1) / 2) * width for n in range(len(names))]
            axes.bar(middles, [by_segment.get(name, 0.0) for name in names], width, label=model)
        axes.set_xticks(range(len(names)), names)
        axes.set_ylabel(metric)
        axes.legend()

    return _png(draw, "Test block by traffic segment")


def metric_by_features(
    path: Sequence[Mapping[str, float]], chosen: int, latency: Mapping[int, float], metric: str
) -> bytes:
    """Return the metric against the number of features, and what they add to a search in Solr.

    ``path``: ``features`` (how many), ``metric``, and ``lower`` and ``upper`` of its difference to the first entry's;
    ``latency``: number of features → milliseconds, or nothing where Solr was not asked.
    """
    sizes, values = ([row[name] for row in path] for name in ("features", "metric"))
    whole = path[0]["metric"]

    def draw(axes: Axes) -> None:
        low, high = ([whole + row[end] for row in path] for end in ("lower", "upper"))
        axes.fill_between(sizes, low, high, alpha=0.15)
        axes.plot(sizes, values, marker="o", label=metric)
        axes.axvline(chosen, linestyle="--", color="gray", label=f"fewest within the allowed loss: {chosen}")
        axes.set_xlabel("features")
        axes.set_ylabel(f"{metric}, with the interval of the difference to all")
        if latency:
            beside = axes.twinx()
            beside.plot(list(latency), list(latency.values()), marker="s", color="tab:red")
            beside.set_ylabel("added to a search in Solr, median (ms)", color="tab:red")
            beside.set_ylim(bottom=0)
        axes.legend(loc="lower right")

    return _png(draw, "How few features does it take?", (11, 6))


def intervals(
    rows: Mapping[str, tuple[float, float, float]], label: str, title: str = "What is missed without a feature"
) -> bytes:
    """Return name → (value, lower, upper) as points with their intervals, the largest on top, and a line at 0."""
    ordered = sorted(rows.items(), key=lambda pair: pair[1][0])[-_MOST_INTERVALS:]

    def draw(axes: Axes) -> None:
        values = [value for _, (value, _, _) in ordered]
        apart = [[value - low for _, (value, low, _) in ordered], [high - value for _, (value, _, high) in ordered]]
        axes.errorbar(values, range(len(ordered)), xerr=apart, fmt="o", capsize=2)
        axes.axvline(0, color="gray", linewidth=0.8)
        axes.set_yticks(range(len(ordered)), [name for name, _ in ordered])
        axes.set_xlabel(label)

    return _png(draw, title, (11, 6))


def retrains(rows: Sequence[Mapping[str, Any]], metric: str) -> bytes:
    """Return the metric of each model on each retrain's own test days, oldest first; what learned nothing is dashed.

    ``rows``: ``run``, ``as_of``, ``model``, ``kind`` and the metric under its own name.
    """
    places = {run: place for place, run in enumerate(dict.fromkeys(row["run"] for row in rows))}
    labels = {places[row["run"]]: row["as_of"] for row in rows}
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_model.setdefault(row["model"], []).append(row)

    def draw(axes: Axes) -> None:
        for model, mine in by_model.items():
            style = {"candidate": "-", "champion": "-."}.get(mine[-1]["kind"], ":")
            axes.plot([places[r["run"]] for r in mine], [r[metric] for r in mine], style, marker="o", label=model)
        axes.set_xticks(list(labels), list(labels.values()), rotation=45, ha="right")
        axes.set_ylabel(f"{metric}, of that retrain's test days")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))

    return _png(draw, "Models over the last retrains", (11, 6))


def pareto_front(
    points: Mapping[str, Sequence[float]], kept: Sequence[bool], marked: Mapping[str, int], title: str
) -> bytes:
    """Return points by their first objective and each other one, those that nobody dominates in colour.

    ``points``: objective → one value a point; ``marked``: what a point is called → its place in them.
    """
    first, *others = points

    def draw(figure: Figure) -> None:
        for axes, name in zip(np.atleast_1d(figure.subplots(1, len(others))), others, strict=True):
            x, y, front = np.array(points[first]), np.array(points[name]), np.array(kept, bool)
            axes.scatter(x[~front], y[~front], color="lightgray", label="beaten")
            axes.scatter(x[front], y[front], label="front")
            for label, place in marked.items():
                axes.scatter(x[place], y[place], marker="*", s=160, label=label)
            axes.set_xlabel(first)
            axes.set_ylabel(name)
            axes.legend()
        figure.suptitle(title)

    return _drawn(draw, (6 * len(others) + 2, 5))


def theta_curves(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> bytes:
    """Return how likely each position is looked at: a line for each curve's ``theta``, and its interval.

    Where a curve has one, that is from ``low`` to ``high``; elsewhere they are NaN.
    """

    def draw(axes: Axes) -> None:
        for name, rows in curves.items():
            positions = range(1, len(rows) + 1)
            (line,) = axes.plot(positions, [row["theta"] for row in rows], marker="o", label=name)
            if not any(math.isnan(row["low"]) for row in rows):
                low, high = ([row[end] for row in rows] for end in ("low", "high"))
                axes.fill_between(positions, low, high, color=line.get_color(), alpha=0.15)
        axes.set_xlabel("position")
        axes.set_ylabel("examination (position 1 = 1)")
        axes.set_ylim(0, 1.05)
        axes.legend()

    return _png(draw, "Position bias")


def _png(draw: Callable[[Axes], None], title: str, inches: tuple[float, float] = (8, 5)) -> bytes:
    def alone(figure: Figure) -> None:
        axes = figure.add_subplot()
        draw(axes)
        axes.set_title(title)

    return _drawn(alone, inches)


def _drawn(draw: Callable[[Figure], None], inches: tuple[float, float]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
