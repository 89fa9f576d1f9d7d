"""The forest: Spark's own predictions, exactly as Solr adds them; and XGBoost's ranker on more than one worker."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import xgboost

from builders.small_service import FEATURES, NAMES, publish_learnable, small_plan
from reprise.errors import UsageError
from reprise.settings import Gate
from reprise.solr import convert_spark, score
from reprise.training import train
from reprise.training.data import read_data
from reprise.training.draws import bootstrap
from reprise.training.family import find_family
from reprise.training.forest import against
from reprise.training.labels import mixed
from reprise.training.spread import _graded

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def plan(tmp_path_factory, spark):
    plan = small_plan(tmp_path_factory.mktemp("lake"), gate={"forest": {"trees": 20, "depth": 5}})
    publish_learnable(plan)
    return plan


@pytest.fixture(scope="module")
def forest(plan):
    data = read_data(plan)
    return data, find_family("forest").fit(data, plan.deployment.gate)


def spread(data, **settings):
    chosen = {"engine": "xgboost", "trees": 30, "leaves": 7, "learning_rate": 0.1, **settings}
    return find_family("lambdamart").fit(data, Gate.model_validate({"lambdamart": chosen}))


def test_a_forest_learns_what_listeners_want(forest):
    data, fitted = forest
    rows = data.validation.only_judged()

    assert rows.metric(score(fitted.model, rows.vectors, NAMES)) > 0.95
    assert {"plays", "title_terms"} == set(list(fitted.importances)[:2])
    assert fitted.notes["misrouted_rows"] == 0


def test_the_native_forest_is_sparks_own_and_predicts_what_solr_scores(tmp_path, forest, spark):
    from pyspark.ml.functions import array_to_vector
    from pyspark.ml.regression import RandomForestRegressionModel

    data, fitted = forest
    zipfile.ZipFile(io.BytesIO(fitted.native[1])).extractall(tmp_path / "forest")
    rows = data.validation.vectors[:300]
    frame = spark.createDataFrame([(row.astype(float).tolist(),) for row in rows], ["x"])
    model = RandomForestRegressionModel.load(str(tmp_path / "forest"))
    found = model.transform(frame.withColumn("raw", array_to_vector("x"))).select("prediction").collect()

    np.testing.assert_allclose(score(fitted.model, rows, NAMES), [one.prediction for one in found], atol=1e-6)
    assert len(fitted.model["params"]["trees"]) == 20
    assert convert_spark(tmp_path / "forest", NAMES).model == fitted.model


def test_what_a_forest_breaks_of_a_known_direction_is_measured(forest):
    """Plays make an item better here: almost every step is against one that says otherwise, few against the truth."""
    data, fitted = forest
    right, wrong = (against(fitted, replace(data, monotone={"plays": sign, "is_song": 0})) for sign in (1, -1))

    assert set(right) == set(wrong) == {"plays"}
    assert wrong["plays"] > max(0.3, 2 * right["plays"])
    assert "against_monotone" not in fitted.notes


def test_a_forest_is_a_candidate_like_any_other(plan):
    assert train.run(plan, "forest").answer == "yes"
    assert plan.open_lake().store.get(f"{train.folder(plan, 'forest')}/native.zip")


@pytest.mark.parametrize("workers", [1, 2])
def test_xgboost_learns_the_same_on_any_number_of_workers(forest, workers):
    data, _ = forest
    fitted = spread(data, workers=workers)
    rows = data.validation.only_judged()
    scores = score(fitted.model, rows.vectors, NAMES)
    booster = xgboost.Booster()
    booster.load_model(bytearray(fitted.native[1]))

    expected = booster.predict(xgboost.DMatrix(rows.vectors), output_margin=True)

    np.testing.assert_allclose(scores, expected, atol=1e-5)
    assert rows.metric(scores) == pytest.approx(max(fitted.curve["validation"]), abs=1e-4)
    assert rows.metric(scores) > 0.93
    assert int(np.argmax(fitted.curve["validation"])) + 1 == fitted.params["best_round"] == booster.num_boosted_rounds()
    assert {"plays", "title_terms"} == set(list(fitted.importances)[:2])


def test_xgboost_keeps_to_what_is_known_of_a_feature(tmp_path, spark):
    features = [{**one, "monotone": "falling"} if one["name"] == "plays" else one for one in FEATURES]
    plan = small_plan(tmp_path, features=features)
    publish_learnable(plan)
    data = read_data(plan)
    fitted = spread(data, workers=1)
    column, steps = NAMES.index("plays"), []
    for value in np.linspace(0, 1, 11, dtype=np.float32):
        moved = data.validation.vectors.copy()
        moved[:, column] = value
        steps.append(score(fitted.model, moved, NAMES))

    assert np.diff(steps, axis=0).max() <= 0


def test_what_xgboost_cannot_do_is_said_before_anything_runs(forest):
    data, _ = forest
    with pytest.raises(UsageError, match=r"asks for 99 workers, but Spark runs here on \d+ cores"):
        spread(data, workers=99)


def test_xgboosts_labels_know_new_releases_as_lightgbms_do(tmp_path, spark):
    """Grade by grade, for every training row."""
    aged = {"name": "popularity", "kind": "item", "meaning": "age", "field": "released_at", "age": True}
    features = [aged if one["name"] == "popularity" else one for one in FEATURES]
    plan = small_plan(tmp_path, features=features, gate={"tuning": {"new_days": 0.3}})
    publish_learnable(plan)
    data, gate = read_data(plan), plan.deployment.gate

    graded = _graded(data, gate, 0.3, [0.0, 1.0, 2.0, 3.0, 4.0]).toPandas()

    expected = mixed(data, gate, 0.3)
    assert set(expected.grade) > {0, 1, 2}
    assert (expected.grade != data.train.grade).any()
    rows = sorted((tuple(raw.toArray()), gain) for raw, gain in zip(graded["raw"], graded["gain"], strict=True))
    assert rows == sorted((tuple(v), float(g)) for v, g in zip(expected.vectors.tolist(), expected.grade, strict=True))
    assert spread(data, workers=1, newness=0.3).model != spread(data, workers=1).model


def test_a_query_drawn_twice_is_two_queries_to_xgboost(forest):
    """Which takes no weights: each copy is a query of its own, as large as the original."""
    data, _ = forest
    draw = bootstrap(5)
    drawn = data.drawn(draw)

    graded = _graded(drawn, Gate(), 0.0, [0.0, 1.0, 2.0, 3.0, 4.0]).toPandas()

    times = draw.times(data.queries)
    assert set(times) >= {0, 1, 2}
    rows = np.repeat(data.train.vectors, times[data.train.codes], axis=0).tolist()
    assert sorted(map(tuple, rows)) == sorted(tuple(raw.toArray()) for raw in graded["raw"])
    sizes = np.repeat(data.train.group_sizes, times)
    assert sorted(sizes) == sorted(graded.groupby("qid").size())
