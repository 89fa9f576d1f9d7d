"""Plots are pictures, of the size they say, without a display."""

import io
import math

import pytest
from matplotlib.image import imread

from reprise.tracking import plots


@pytest.mark.parametrize(
    "picture",
    [
        plots.learning_curve({"train": [0.5, 0.6], "validation": [0.5, 0.55]}, "m"),
        plots.learning_curve({"train": [0.5], "validation": [0.5]}, "m"),
        plots.importances({f"f{n}": n / 10 for n in range(40)}, {f"f{n}": "what it means " * n for n in range(9, 40)}),
        plots.fits([{"at": n, "train": 1 - 1 / n, "held_out": 1 - 2 / n} for n in (9, 99)], "queries", "m", 0.1, True),
        plots.effects(
            {f"f{n}": {"effect": n / 10, "direction": (-1) ** n} for n in range(1, 30)}, {"f9": "what it is"}
        ),
        plots.segments({"a": {"head": 0.5, "tail": 0.4}, "b": {"head": 0.6}}, "m"),
        plots.theta_curves(
            {
                "measured": [{"theta": 1, "low": 1, "high": 1}, {"theta": 0.5, "low": 0.4, "high": 0.6}],
                "one": [{"theta": 1, "low": math.nan, "high": math.nan}] * 2,
            }
        ),
        plots.pareto_front({"a": [1, 2, 3], "b": [3, 2, 0]}, [True, False, True], {"chosen": 0}, "t"),
        plots.pareto_front({"a": [1, 2], "b": [3, 2], "c": [1, 1]}, [True, True], {"knee": 1}, "t"),
    ],
)
def test_a_plot_is_a_png_with_something_on_it(picture):
    pixels = imread(io.BytesIO(picture), format="png")

    assert pixels.shape[:2] in {(550, 880), (660, 1210), (550, 1540)}
    assert pixels[..., :3].std() > 0.05
