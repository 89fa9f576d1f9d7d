"""`train` and `evaluate`: candidates as Solr would serve them, every model scored by the same rule."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

from builders.small_service import NAMES, publish_learnable, small_plan
from reprise import tables
from reprise.errors import MissingDataError, UsageError
from reprise.features.catalogue import store_entries
from reprise.metrics import consumption_ndcg
from reprise.release import Candidate
from reprise.settings import Gate
from reprise.settings.families import FAMILIES
from reprise.solr import score
from reprise.training import evaluate, train
from reprise.training.data import read_data
from reprise.training.family import find_family

pytestmark = pytest.mark.spark

GATE = {"lambdamart": {"trees": 40, "leaves": 7, "min_rows_per_leaf": 5}}
CHAMPION = {
    "release": {"number": 3},
    "model": {
        "class": "org.apache.solr.ltr.model.LinearModel",
        "features": [{"name": "was_called_plays"}, {"name": "constant"}],
        "params": {"weights": {"was_called_plays": 2.0, "constant": 1.0}},
    },
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory, spark):
    """A run with both families trained and evaluated, a champion that ranks by plays."""
    plan = small_plan(tmp_path_factory.mktemp("lake"), gate=GATE)
    publish_learnable(plan)
    plays = next(entry for entry in store_entries(plan.deployment.solr) if entry["name"] == "plays")
    value = {"name": "constant", "class": "org.apache.solr.ltr.feature.ValueFeature", "params": {"value": 1}}
    features = [{**plays, "name": "was_called_plays"}, value]
    plan.open_lake().put_json(f"runs/{plan.run}/champion.json", {**CHAMPION, "features": features})
    for family in plan.families:
        train.run(plan, family)
    evaluate.run(plan)
    return plan


def candidate(plan, family):
    return Candidate.from_dict(plan.open_lake().get_json(f"{train.folder(plan, family)}/candidate.json"))


def read_scores(plan):
    return plan.open_lake().read("scores", plan.models_version, [plan.partition])


def mean(plan, model, role="test", variant="measured", policy="judged_only"):
    rows = [
        r
        for r in read_scores(plan).to_pylist()
        if (r["model"], r["role"], r["theta_variant"], r["unjudged"]) == (model, role, variant, policy)
        and r["metric"] == "consumption_ndcg_at_10"
    ]
    kept = [r for r in rows if r["value"] is not None]
    return sum(r["value"] * r["traffic"] for r in kept) / sum(r["traffic"] for r in kept)


def test_a_candidate_is_complete(plan):
    for family in plan.families:
        made = candidate(plan, family)
        assert plan.block("validation")[0].last == made.trained_until
        assert made.rq_efi == {"q": "$q"}
        assert len(made.behaviour_fields) == 2
    assert "intercept" in [feature["name"] for feature in candidate(plan, "linear").features]


def test_linear_is_ridge_regression(plan):
    """Against the closed form, weighted, on standardised features; the penalty is on standardised labels (glmnet)."""
    data = read_data(plan)
    x, w = data.train.vectors.astype(float), data.train.weight
    y = np.nan_to_num(data.train.g)
    standard = (x - x.mean(0)) / x.std(0, ddof=1)
    centre = np.average(standard, axis=0, weights=w)
    z = standard - centre
    spread = np.sqrt(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
    ridge = plan.deployment.gate.linear.ridge / spread
    gram = (z * w[:, None]).T @ z / w.sum() + ridge * np.eye(z.shape[1])
    weights = np.linalg.solve(gram, (z * w[:, None]).T @ (y - np.average(y, weights=w)) / w.sum())
    expected = np.average(y, weights=w) + (standard - centre) @ weights

    model = candidate(plan, "linear").model_json
    actual = score(model, np.hstack([x, np.ones((len(x), 1))]), [*NAMES, "intercept"])

    np.testing.assert_allclose(expected, actual, atol=1e-4)


def test_trained_once(plan):
    store = plan.open_lake().store
    before = store.list(train.folder(plan, "lambdamart"))

    verdict = train.run(plan, "lambdamart")

    assert verdict.reason == "lambdamart is trained already"
    assert before == store.list(train.folder(plan, "lambdamart"))


def test_candidates_beat_what_was_there(plan):
    engine, popularity, champion, linear, trees = (
        mean(plan, model) for model in ("engine_order", "popularity", "champion", "linear", "lambdamart")
    )

    assert trees > linear > engine
    assert champion == pytest.approx(popularity)  # both order by plays


def test_values_are_the_metric_of_the_exact_solr_scores(plan):
    rows = plan.open_lake().read("training_set", plan.training_version, [plan.partition])
    rows = rows.filter(pc.and_(pc.equal(rows["role"], "test"), pc.equal(rows["query_group"], "q3"))).to_pylist()
    judged = [row for row in rows if row["judged"]]
    vectors = np.array([[row[name] for name in NAMES] for row in judged], np.float32)
    scores = score(candidate(plan, "lambdamart").model_json, vectors, NAMES).astype(float)
    gains = np.array([row["g"] for row in judged])
    expected = consumption_ndcg().per_query(np.zeros(len(judged), int), scores, gains, 1)[0]

    found = [
        r["value"]
        for r in read_scores(plan).to_pylist()
        if (r["model"], r["role"], r["unjudged"], r["query_group"]) == ("lambdamart", "test", "judged_only", "q3")
        and (r["metric"], r["theta_variant"]) == ("consumption_ndcg_at_10", "measured")
    ]

    assert [expected] == pytest.approx(found)


def test_every_reading_is_there_and_train_has_judged_items_alone(plan):
    rows = read_scores(plan)
    assert rows.schema == tables.scores
    readings = {(r["role"], r["unjudged"]) for r in rows.select(["role", "unjudged"]).to_pylist()}
    policies = {"judged_only", "zero", "prior"}

    assert {("train", "judged_only")} | {(role, p) for role in ("validation", "test") for p in policies} == readings
    assert len([r for r in rows.to_pylist() if r["traffic"] is None or r["segment"] is None]) == 0


def test_evaluated_once(plan):
    assert evaluate.run(plan).reason == "already published"


def test_without_a_model_the_champion_is_the_engine(plan, tmp_path):
    rows = plan.open_lake().read("training_set", plan.training_version, [plan.partition])
    bare = replace(plan, run="r2", families=[])

    assert evaluate.served_models(bare) == {}
    assert {"engine_order", "popularity"} == set(evaluate.model_scores(bare, rows, {}, {}, None))


def test_what_is_missing_is_named(tmp_path):
    plan = small_plan(tmp_path)

    with pytest.raises(MissingDataError, match=r"run r1 has no training set .* → run `reprise featurize` first"):
        train.run(plan, "lambdamart")
    with pytest.raises(UsageError, match=r"there is no family 'grove' → choose one of: linear, .*lambdamart"):
        train.run(plan, "grove")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_that_a_deployment_may_name_can_be_trained_by_its_own_settings(family):
    assert find_family(family).name == family
    assert getattr(Gate(), family) is not None


def test_the_summary_tells_what_was_learned(plan):
    summary = json.loads(plan.open_lake().store.get(f"{train.folder(plan, 'lambdamart')}/summary.json"))

    assert pytest.approx(sum(summary["importances"].values())) == 1.0
    assert summary["metrics"]["validation/consumption_ndcg_at_10"] == max(summary["curve"]["validation"])


@pytest.mark.parametrize("family", ["linear", "lambdamart"])
def test_each_family_is_diagnosed_by_its_own_figures(plan, family):
    summary = json.loads(plan.open_lake().store.get(f"{train.folder(plan, family)}/summary.json"))
    told, best = summary["diagnosis"], summary["params"].get("best_round", 1) - 1

    assert told["verdict"] in ("fits", "unfinished")
    assert told["gap"] == pytest.approx(summary["curve"]["train"][best] - summary["curve"]["validation"][best])
    assert 0 < told["error"] < 0.05
    judged = read_data(plan).train.only_judged()
    random = np.random.default_rng(0)
    chances = [judged.metric(random.random(len(judged.codes))) for _ in range(100)]
    assert told["chance"] == pytest.approx(np.mean(chances), abs=3 * np.std(chances) / 10)


def test_the_feature_report_is_kept_with_the_run(plan):
    lake = plan.open_lake()
    health = lake.get_json(f"runs/{plan.run}/features/health.json")
    page = lake.store.get(f"runs/{plan.run}/features/health.html").decode()

    assert [one["name"] for one in health["features"]] == NAMES
    assert health["features"][NAMES.index("plays")]["auc"] > 0.6
    assert all(name in page for name in NAMES)
    facts = lake.published("scores", plan.models_version, plan.partition).facts
    assert facts["suspects"] == []
    assert facts["reachable_share"] == lake.get_json(f"runs/{plan.run}/features/ceiling.json")["reachable_share"] == 1.0


@pytest.mark.parametrize("components", [None, 2, len(NAMES)])
def test_principal_components_are_folded_back_into_weights_of_features(tmp_path, spark, components):
    """The same regression by scikit-learn, whose pipeline keeps its components."""
    plan = small_plan(tmp_path, gate={**GATE, "linear": {"ridge": 0.05, "components": components}})
    publish_learnable(plan)
    data = read_data(plan)
    rows = data.train
    x, weight = rows.vectors.astype(float), rows.weight
    deviation = x.std(axis=0, ddof=1)
    reduce = PCA(components or len(NAMES)).fit((x - x.mean(axis=0)) / deviation)
    # Spark scales the label to deviation 1 before it penalises (as glmnet does), so ridge weighs by the label's own.
    label = np.nan_to_num(rows.g)
    spread = np.sqrt(np.cov(label, aweights=weight, ddof=0))
    ridge = Ridge(0.05 * weight.sum() / spread).fit(reduce.transform((x - x.mean(axis=0)) / deviation), label, weight)

    fitted = find_family("linear").fit(data, plan.deployment.gate)

    held_out = data.validation.vectors
    expected = ridge.predict(reduce.transform((held_out.astype(float) - x.mean(axis=0)) / deviation))
    ones = np.ones((len(held_out), 1), np.float32)
    actual = score(fitted.model, np.hstack([held_out, ones]), [*NAMES, "intercept"])
    np.testing.assert_allclose(expected, actual, atol=1e-5)


def test_more_components_than_features_are_refused(tmp_path, spark):
    plan = small_plan(tmp_path, gate={**GATE, "linear": {"components": 50}})
    publish_learnable(plan)

    with pytest.raises(UsageError, match=r"50 components of 6 features → lower linear\.components"):
        find_family("linear").fit(read_data(plan), plan.deployment.gate)
