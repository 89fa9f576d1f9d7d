"""Families side by side: the gate's own comparison, residuals by hand, and what planted data suit."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.calibration import calibration_curve

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise.gate import choice
from reprise.gate.beside import differences
from reprise.gate.suits import suits
from reprise.solr import convert_linear
from reprise.training import evaluate, train
from reprise.training.data import read_data, read_table
from reprise.training.family import Fitted
from reprise.training.served import candidate

GATE = {"lambdamart": {"trees": 40, "leaves": 7, "min_rows_per_leaf": 5}, "diagnosis": {"folds": 0, "resamples": 0}}


def least_squares(data):
    """A weighted sum as the family `linear` would export it, without Spark."""
    rows = data.train
    x = np.column_stack([rows.vectors.astype(float), np.ones(len(rows.codes))])
    root = np.sqrt(rows.weight)[:, None]
    found = np.linalg.lstsq(x * root, np.nan_to_num(rows.g)[:, None] * root, rcond=None)[0].ravel()
    zeros, ones = dict.fromkeys(NAMES, 0.0), dict.fromkeys(NAMES, 1.0)
    export = convert_linear(dict(zip(NAMES, found[:-1].tolist(), strict=True)), float(found[-1]), zeros, ones)
    return Fitted(export.model, ("native.json", b"{}"), {}, {}, {}, export.extra_features)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A run whose weighted sum and trees are evaluated beside the engine's order."""
    plan = replace(small_plan(tmp_path_factory.mktemp("lake"), gate=GATE), families=["linear", "lambdamart"])
    publish_learnable(plan, truth=lambda values: 0.8 * (abs(values[NAMES.index("plays")] - 0.5) < 0.2))
    lake = plan.open_lake()
    lake.put_json(f"runs/{plan.run}/champion.json", {"release": {"number": 0}, "model": None, "features": []})
    train.run(plan, "lambdamart")
    candidate = train._candidate(plan, "linear", least_squares(read_data(plan)), NAMES)
    lake.put_json(f"{train.folder(plan, 'linear')}/candidate.json", candidate.to_dict())
    evaluate.run(plan)
    return plan


def test_models_stand_side_by_side_by_the_gates_comparison(plan):
    found = choice.choice(plan, "lambdamart")

    beside = differences(plan)
    assert [one.name for one in found.models][:2] == ["lambdamart", "linear"]  # candidates first, the best first
    assert {one.name: one.comparison for one in found.models} == beside
    by_name = {one.name: one for one in found.models}
    apart = by_name["linear"].test - by_name["engine_order"].test
    assert apart == pytest.approx(beside["linear"].difference)
    assert by_name["linear"].size == f"{len(NAMES) + 1} weights"
    assert by_name["lambdamart"].size.endswith(" leaves")
    assert by_name["lambdamart"].seconds > 0
    assert set(found.segments) == {"traffic: head", "traffic: tail", "novelty: new"}


def test_residuals_are_those_of_the_scores(plan):
    (linear,) = choice.choice(plan, "lambdamart").predictions

    table, _ = read_table(plan)
    rows = table.filter(pc.and_(pc.equal(table["role"], "test"), table["judged"]))
    fitted = least_squares(read_data(plan))
    weights = np.array([*(fitted.model["params"]["weights"][name] for name in NAMES)])
    x = np.column_stack([rows[name].to_numpy() for name in NAMES])
    predicted = x @ weights + fitted.model["params"]["weights"]["intercept"]
    g = rows["g"].to_numpy()
    assert linear.model == "linear"
    assert len(linear.reliability) == 10
    assert sum(one.rows for one in linear.reliability) == sum(one.rows for one in linear.segments) == len(g)
    means = [one.predicted for one in linear.reliability]
    assert means == sorted(means)
    lowest = np.argsort(predicted)[: linear.reliability[0].rows]
    assert linear.reliability[0].g == pytest.approx(g[lowest].mean(), abs=1e-6)  # all judged rows weigh alike here
    assert linear.reliability[0].predicted == pytest.approx(predicted[lowest].mean(), abs=1e-4)


def test_what_lies_in_the_middle_of_a_feature_suits_trees(plan):
    found = choice.choice(plan, "lambdamart").suits

    trees, sums, apart = found.nonlinear
    assert (trees, sums) == ("lambdamart", "linear")
    assert apart.lower > 0
    assert any("no weighted sum of these features says" in one for one in found.words)
    assert found.ranking is None
    assert found.queries == 60


@pytest.mark.parametrize(
    ("g", "expected"),
    [
        (np.r_[np.full(70, 0.01), np.full(30, 0.4)], "Squared error spends itself"),
        (np.r_[np.full(30, 0.01), np.random.default_rng(1).exponential(0.1, 170).clip(0.06, 1)], "A long tail"),
        (np.linspace(0.06, 0.9, 100), "nothing against it"),
    ],
)
def test_what_labels_suit(plan, g, expected):
    columns = {
        "role": ["train"] * len(g),
        "judged": [True] * len(g),
        "g": g,
        "query_group": [f"q{n % 9}" for n in range(len(g))],
    }
    found = suits(pa.table(columns), None, replace(plan, families=["lambdamart"]))

    assert expected in found.words[1]
    assert found.zeros == pytest.approx((g < 0.05).mean())
    assert "9 queries" in found.words[0]


def test_the_page_says_it_all(plan):
    words = choice.write(plan, "lambdamart")

    page = plan.open_lake().store.get(f"runs/{plan.run}/model_choice/model_choice.html").decode()
    assert words.split(".")[0] in page
    assert page.count("<img") == 1
    for name in ("lambdamart", "linear", "engine_order", "popularity", "best_feature"):
        assert f"<td>{name}</td>" in page


def chance(values):
    """A chance of consumption that a logistic regression can say exactly."""
    return 1 / (1 + np.exp(3 - 4 * values[NAMES.index("plays")] - values[NAMES.index("title_terms")]))


@pytest.mark.spark
def test_a_trained_logistic_regression_is_calibrated(tmp_path, spark):
    """In every tenth of predictions, and by scikit-learn's reliability curve of endings drawn by these chances."""
    plan = replace(small_plan(tmp_path, gate={"logistic": {"ridge": 0.0}, **GATE}), families=["logistic"])
    publish_learnable(plan, truth=chance, change=lambda row: {**row, "weight": 0.9 if row["judged"] else 0.0})
    lake = plan.open_lake()
    lake.put_json(f"runs/{plan.run}/champion.json", {"release": {"number": 0}, "model": None, "features": []})
    train.run(plan, "logistic")
    evaluate.run(plan)

    (logistic,) = choice.choice(plan, "logistic").predictions

    assert max(abs(one.predicted - one.g) for one in logistic.reliability) < 0.03
    assert logistic.reliability[-1].predicted - logistic.reliability[0].predicted > 0.5
    table, _ = read_table(plan)
    rows = table.filter(pc.and_(pc.equal(table["role"], "test"), table["judged"]))
    model = candidate(plan, "logistic").model
    weights = model["params"]["weights"]
    log_odds = np.column_stack([rows[name].to_numpy() for name in NAMES]) @ [weights[name] for name in NAMES]
    predicted = 1 / (1 + np.exp(-(log_odds + weights["intercept"])))
    endings = np.random.default_rng(0).random((200, len(predicted))) < rows["g"].to_numpy()
    theirs, mean = calibration_curve(endings.ravel(), np.tile(predicted, 200), n_bins=10, strategy="quantile")
    assert [one.predicted for one in logistic.reliability] == pytest.approx(mean.tolist(), abs=0.01)
    assert [one.g for one in logistic.reliability] == pytest.approx(theirs.tolist(), abs=0.02)
