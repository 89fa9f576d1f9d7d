"""docs/metrics.md works one search out; its figures are the code's."""

import re
from pathlib import Path

import ir_measures
import lightgbm
import numpy as np
import pytest
from sklearn.metrics import ndcg_score

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

    assert len(FIGURES) == 12
    assert f"= {residual:.3f}" in TEXT
    assert f"= {Err().per_query(QUERY, SCORES, CONSUMPTION, 1)[0]:.2f}." in TEXT


def lightgbm_ndcg(grades, scores):
    """LightGBM's own, of scores as they are: one round that learns nothing."""
    size, found = {"min_data_in_leaf": 1, "min_data_in_bin": 1, "feature_pre_filter": False}, {}
    rows = np.arange(len(grades), dtype=float).reshape(-1, 1)
    data = lightgbm.Dataset(rows, label=grades, group=[len(grades)], init_score=scores, params=size)
    nothing = {"objective": lambda p, _: (np.zeros(len(p)), np.ones(len(p))), "metric": "ndcg", "eval_at": [3]}
    settings = {**nothing, **size, "verbosity": -1}
    lightgbm.train(settings, data, 1, [data], ["all"], callbacks=[lightgbm.record_evaluation(found)])
    return found["all"]["ndcg@3"][0]


def trec_ndcg(grades, scores):
    qrels = [ir_measures.Qrel("q", "abcd"[n], int(grade)) for n, grade in enumerate(grades)]
    run = [ir_measures.ScoredDoc("q", "abcd"[n], float(score)) for n, score in enumerate(scores)]
    return ir_measures.calc_aggregate([ir_measures.nDCG @ 3], qrels, run)[ir_measures.nDCG @ 3]


LIBRARIES = re.findall(r"^\| (\d, \d, \d, \d) \| ([^|]+) \| (.+) \|$", TEXT, re.MULTILINE)


@pytest.mark.parametrize(("grades", "scores", "told"), LIBRARIES)
@pytest.mark.filterwarnings("ignore:.*init_score.*")
def test_what_libraries_say(grades, scores, told):
    """In the order of the table's columns."""
    grades = np.array(grades.split(", "), float)
    scores = np.ones(4) if scores == "all the same" else np.array(scores.split(", "), float)
    linear, exponential = (
        Ndcg(3, gain=gain).per_query(QUERY, scores, grades, 1)[0] for gain in ("linear", "exponential")
    )
    values = [
        linear, ndcg_score([grades], [scores], k=3), trec_ndcg(grades, scores), exponential,
        lightgbm_ndcg(grades, scores),
    ]  # fmt: skip

    assert ["left out" if np.isnan(v) else f"{v:.4f}" for v in values] == told.split(" | ")


def test_the_table_of_libraries_is_whole():
    assert len(LIBRARIES) == 4
