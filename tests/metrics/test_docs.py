"""docs/metrics.md works one search out; its figures are the code's."""

import re
from pathlib import Path

import numpy as np
import pytest

from reprise.metrics import Err, Ndcg, Rbp, consumption_ndcg
from reprise.metrics.names import metric_of_grades

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
FIGURES = dict(re.findall(r"^\| `([a-z0-9_]+)` \|[^|]*\| ([0-9.]+) \|", TEXT, re.MULTILINE))
QUERY, SCORES = np.zeros(4, int), np.array([3, 2, 1, -np.inf])
GRADES, CONSUMPTION = np.array([3, 0, 2, 1.0]), np.array([0.6, 0, 0.3, 0.1])
OF_CONSUMPTION = {metric.name: metric for metric in (consumption_ndcg(), Ndcg(3, "examination", (1.0, 0.6, 0.4)))}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_the_table(name):
    metric = OF_CONSUMPTION.get(name) or metric_of_grades(name, 3)
    gains = CONSUMPTION if name in OF_CONSUMPTION else GRADES

    assert f"{metric.per_query(QUERY, SCORES, gains, 1)[0]:.4f}" == FIGURES[name]


def test_the_table_is_whole_and_the_text_right():
    residual = Rbp().residual(QUERY[:3], SCORES[:3], np.array([True, False, True]), 1)[0]

    assert len(FIGURES) == 11
    assert f"= {residual:.3f}" in TEXT
    assert f"= {Err().per_query(QUERY, SCORES, CONSUMPTION, 1)[0]:.2f}." in TEXT
