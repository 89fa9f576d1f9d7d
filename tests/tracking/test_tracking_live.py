"""Runs, datasets, plots and versions in a real MLflow: each made once, however often it is asked for."""

import json
from dataclasses import dataclass, replace
from math import nan
from urllib.parse import unquote

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from typer.testing import CliRunner

from builders.small_service import publish_learnable, small_plan
from reprise import tables, tracking
from reprise.cli import app
from reprise.errors import ServiceError
from reprise.metrics import Comparison, Means
from reprise.solr import score
from reprise.tracking.runs import children
from reprise.training.tuning.nested import where

pytestmark = [pytest.mark.services]

METRIC = "consumption_ndcg_at_10"
SUMMARY = {
    "digest": "d" * 64, "model": "reprise_lambdamart_1", "store": "reprise_1", "seconds": 1.5,
    "params": {"trees": 40, "best_round": 2}, "features": ["plays", "title_terms"],
    "importances": {"plays": 0.75, "title_terms": 0.25}, "curve": {"train": [0.5, 0.75], "validation": [0.5, 0.625]},
    "rows": {"train": 10, "validation": 5}, "notes": {"misrouted_rows": 0},
    "native": "native.txt",
    "effects": {"plays": {"effect": 0.5, "direction": 0.9}, "title_terms": {"effect": 0.1, "direction": -0.2}},
    "learning": {
        "verdict": "balanced", "words": "balanced: as it should be", "setting": "leaves", "folds": [0.5, 0.6],
        "sizes": [{"at": a, "queries": int(100 * a), "train": 0.9, "held_out": 0.5 + a / 10} for a in (0.4, 1.0)],
        "complexity": [{"at": n, "queries": 100, "train": 0.9, "held_out": 0.6} for n in (7, 15)],
        "curves": {"rise": 0.04, "rise_error": None, "spread": 0.01},
    },
}  # fmt: skip

LTR = "org.apache.solr.ltr"
CANDIDATE = {
    "family": "lambdamart",
    "model_json": {
        "class": f"{LTR}.model.LinearModel",
        "features": [{"name": "plays"}, {"name": "title_terms"}, {"name": "intercept"}],
        "params": {"weights": {"plays": 0.1, "title_terms": 1 / 3, "intercept": 7.7}},
    },
    "features": [
        {"name": "intercept", "class": f"{LTR}.feature.ValueFeature", "params": {"value": 1}},
        *({"name": n, "class": f"{LTR}.feature.FieldValueFeature", "params": {"field": n}} for n in ("plays", "words")),
    ],
}


BESIDE = {
    "lambdamart": Comparison(0.02, -0.01, 0.05, 0.015, 0.04, 0.2, 2, 1.6),
    "champion": Comparison(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2, 1.6),
    "popularity": Comparison(-0.3, nan, nan, nan, nan, nan, 1, 1.0),
}
CHOICE = {"lambdamart": Means(0.625, 0.5, 7, 0.0, 0.0), "champion": Means(nan, nan, 0, 1.0, 1.0)}


@dataclass(frozen=True)
class Served:
    """What the registry asks of a candidate."""

    model: str
    family: str = "lambdamart"
    store: str = "reprise_1"
    sha: str = "d" * 64


@pytest.fixture(scope="module")
def client(mlflow_server):
    mlflow.set_tracking_uri(mlflow_server)  # loading models and tables asks the one that is set, not the client's
    return MlflowClient(tracking_uri=mlflow_server)


@pytest.fixture
def plan(mlflow_server, tmp_path, request):
    """A planned run of its own, with what training and evaluation leave in the lake."""
    plan = replace(small_plan(tmp_path), run=f"run{abs(hash(request.node.name)) % 10**8}")
    return prepared(plan)


def prepared(plan):
    """The plan with its MLflow run, its lake holding one trained family and the scores of four models."""
    plan = replace(plan, airflow={"dag_id": "retrain", "run_id": "manual__o'clock", "url": "http://localhost/run"})
    publish_learnable(plan, queries=3)
    store, key = plan.open_lake().store, f"candidates/v={plan.models_version}/{plan.partition}/lambdamart"
    store.put(f"{key}/summary.json", json.dumps(SUMMARY).encode())
    store.put(f"{key}/model.json", b'{"class": "trees"}')
    store.put(f"{key}/candidate.json", json.dumps(CANDIDATE).encode())
    store.put(f"{key}/native.txt", b"tree")
    models = ("engine_order", "popularity", "champion", "lambdamart")
    scores = [a_score(model, query) for model in models for query in range(3)]
    table = pa.Table.from_pylist(scores, tables.scores)
    plan.open_lake().write("scores", plan.models_version, plan.partition, table, facts={"steps": {"lambdamart": 2.5}})
    return replace(plan, mlflow=tracking.start_run(plan))


def by_model(client, plan):
    """Model → id of its run."""
    return {run.data.tags["reprise.model"]: run.info.run_id for run in children(client, plan)}


def a_score(model, query):
    """Values 0.5, 0.75 and none, with traffic 1, 3 and 6."""
    return {
        "model": model, "block": "test", "role": "test", "theta_variant": "measured", "unjudged": "judged_only",
        "query_group": f"q{query}", "metric": METRIC, "value": (0.5, 0.75, None)[query], "traffic": (1, 3, 6)[query],
        "segment": "head" if query else "tail", "language": "en", "seen_before": True,
    }  # fmt: skip


def test_a_nested_cross_validation_stands_in_the_familys_run(tmp_path, client):
    gate = {"lambdamart": {"trees": 3, "leaves": 3, "min_rows_per_leaf": 5}}
    plan = replace(small_plan(tmp_path, gate=gate), run="nested")
    publish_learnable(plan, queries=12)
    plan = replace(plan, mlflow=tracking.start_run(plan))
    plan.save()
    asked = ["tune", "--plan", f"{plan.lake}/runs/nested/plan.json", "--family", "lambdamart", "--nested", "2"]

    said = CliRunner().invoke(app, [*asked, "--trials", "2"])

    run = client.get_run(by_model(client, plan)["lambdamart"])
    assert run.data.tags["reprise.nested"] in said.output
    report = json.loads((tmp_path / f"{where(plan, 'lambdamart', 2, 2)}/report.json").read_text())
    assert run.data.metrics["nested/gain"] == pytest.approx(report["gain"])
    artifacts = client.list_artifacts(run.info.run_id, "tuning/nested/2-2")
    assert [one.path.rpartition("/")[2] for one in artifacts] == ["report.json", "report.txt"]


def test_a_run_is_found_again(plan, client):
    assert plan.mlflow == tracking.start_run(plan)
    run = client.get_run(plan.mlflow["run_id"])
    assert run.data.tags["airflow.run_id"] == "manual__o'clock"
    assert "http://localhost/run" in run.data.tags["mlflow.note.content"]
    assert run.info.status == "RUNNING"


def test_training_is_recorded_once(plan, client):
    url = tracking.record_training(plan, "lambdamart")
    again = tracking.record_training(plan, "lambdamart")

    found = by_model(client, plan)
    run = found["lambdamart"]
    assert {"lambdamart"} == set(found)
    assert url == again == tracking.run_url(plan.mlflow, run)
    history = client.get_metric_history(run, f"curve/validation/{METRIC}")
    assert [(m.step, m.value) for m in history] == [(0, 0.5), (1, 0.625)]
    by_queries = client.get_metric_history(run, "learning/held_out")
    assert [(m.step, m.value) for m in by_queries] == [(40, 0.54), (100, 0.6)]
    known = client.get_run(run).data
    assert known.metrics["learning/rise_per_doubling"] == 0.04
    assert known.metrics["learning/folds_mean"] == 0.55
    assert "learning/rise_error" not in known.metrics
    assert known.tags["reprise.bias_variance"] == "balanced"
    names = {file.path for folder in ("model", "plots") for file in client.list_artifacts(run, folder)}
    assert {
        "model/model.json", "model/native.txt", "model/summary.json", "plots/learning_curve.png",
        "plots/importances.png", "plots/by_queries.png", "plots/by_complexity.png", "plots/effects.png",
    } == names  # fmt: skip
    features = client.load_table(plan.mlflow["experiment_id"], "explanation/features.json", [run])
    assert features[["feature", "effect", "gain_share"]].to_numpy().tolist() == [
        ["plays", 0.5, 0.75], ["title_terms", 0.1, 0.25],
    ]  # fmt: skip
    dataset = client.get_run(run).inputs.dataset_inputs[0].dataset
    assert plan.training_version in json.loads(dataset.source)["uri"]
    manifest = plan.open_lake().published("training_set", plan.training_version, plan.partition)
    assert dataset.digest == manifest.attempt  # where featurize left no digest of the content
    columns = json.loads(dataset.schema)["mlflow_colspec"]
    assert [one["name"] for one in columns] == ["query", "item", "g", "grade", "weight", *manifest.facts["features"]]
    assert json.loads(dataset.profile)["num_rows"] == manifest.rows


def test_what_tuning_found_is_recorded_with_its_reports(plan, client):
    store, key = plan.open_lake().store, f"candidates/v={plan.models_version}/{plan.partition}/lambdamart"
    counts = {"trials": 9, "pruned": 2, "failed": 0, "minutes": 0.5, "best": 4, "words": "best of 9 trials"}
    tuning = {**counts, "reported_on": {"queries": 5, "best": 0.75, "default": 0.5, "gain": 0.25, "error": None}}
    store.put(f"{key}/summary.json", json.dumps({**SUMMARY, "tuning": tuning}).encode())
    store.put(f"{key}/tuning/rules.txt", b"leaves")

    run = tracking.record_training(plan, "lambdamart").rpartition("/")[2]

    data = client.get_run(run).data
    found = {name: value for name, value in data.metrics.items() if name.startswith("tuning/")}
    assert found == {
        "tuning/trials": 9, "tuning/pruned": 2, "tuning/failed": 0, "tuning/minutes": 0.5, "tuning/best": 4,
        "tuning/fresh/queries": 5, "tuning/fresh/best": 0.75, "tuning/fresh/default": 0.5, "tuning/fresh/gain": 0.25,
    }  # fmt: skip
    assert data.tags["reprise.tuning"] == "best of 9 trials"
    assert [file.path for file in client.list_artifacts(run, "tuning")] == ["tuning/rules.txt"]


def test_evaluation_completes_every_model(plan, client):
    tracking.record_training(plan, "lambdamart")
    tracking.record_evaluation(plan, BESIDE, CHOICE)
    tracking.record_evaluation(plan, BESIDE, CHOICE)

    found = by_model(client, plan)
    assert {"engine_order", "popularity", "champion", "lambdamart"} == set(found)
    for run in map(client.get_run, found.values()):
        assert run.info.status == "FINISHED"
        assert run.data.metrics[f"test/{METRIC}"] == pytest.approx((0.5 + 3 * 0.75) / 4)
        assert run.data.metrics[f"test/{METRIC}_per_query"] == pytest.approx(0.625)
        assert run.data.metrics["test/dropped_traffic_share"] == pytest.approx(0.6)
        assert run.data.metrics[f"test/tail/{METRIC}"] == 0.5
    assert len(client.get_metric_history(found["champion"], f"test/{METRIC}")) == 1
    parent = client.get_run(plan.mlflow["run_id"])
    assert parent.data.metrics["test/recall"] == 0.9
    assert len(client.list_artifacts(plan.mlflow["run_id"], "plots")) == 2


def test_a_candidate_is_an_mlflow_model_that_scores_as_solr(plan, client, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    tracking.record_training(plan, "lambdamart")
    tracking.record_evaluation(plan, BESIDE, CHOICE)
    (logged,) = client.search_logged_models([plan.mlflow["experiment_id"]], f"name = '{SUMMARY['model']}'"
                                            f" AND tags.`reprise.run` = '{plan.run}'")  # fmt: skip
    random = np.random.default_rng(1)
    vectors = random.normal(0, 1e3, (500, 2)).astype(np.float32)
    frame = pd.DataFrame(vectors, columns=["title_terms", "plays"])

    model = mlflow.pyfunc.load_model(f"models:/{logged.model_id}")
    actual = model.predict(frame)

    plays, words = vectors[:, 1], vectors[:, 0]
    by_hand = (plays * np.float32(0.1) + words * np.float32(1 / 3)) + np.float32(7.7)
    assert actual.dtype == np.float32
    np.testing.assert_array_equal(by_hand, actual)
    ones = np.ones((500, 1))
    expected = score(CANDIDATE["model_json"], np.hstack([vectors, ones]), ["title_terms", "plays", "intercept"])
    np.testing.assert_array_equal(expected, actual)
    assert model.metadata.signature.inputs.input_names() == ["plays", "title_terms"]
    assert {m.key for m in logged.metrics} >= {f"test/{METRIC}"}
    with pytest.raises(MlflowException, match="Can not safely convert"):
        model.predict(frame.astype(float))


def test_every_model_has_the_columns_that_people_compare_by(plan, client):
    tracking.record_training(plan, "lambdamart")
    tracking.record_evaluation(plan, BESIDE, CHOICE)

    runs = {run.data.tags["reprise.model"]: run for run in children(client, plan)}
    metrics, tags = runs["lambdamart"].data.metrics, runs["lambdamart"].data.tags
    columns = ("delta_to_champion", "delta_to_champion/low", "delta_to_champion/high", "detectable_gain")
    assert [metrics[name] for name in columns] == [0.02, -0.01, 0.05, 0.04]
    assert [runs["champion"].data.metrics[name] for name in columns] == [0.0] * 4
    assert [name for name in columns if name in runs["popularity"].data.metrics] == ["delta_to_champion"]
    assert (metrics[f"choice/{METRIC}"], metrics["choice/queries"], metrics["steps_per_document"]) == (0.625, 7, 2.5)
    assert f"choice/{METRIC}" not in runs["champion"].data.metrics
    assert (tags["reprise.kind"], tags["reprise.family"]) == ("candidate", "lambdamart")
    kinds = {model: run.data.tags["reprise.kind"] for model, run in runs.items()}
    assert kinds == {
        "lambdamart": "candidate", "champion": "champion", "engine_order": "baseline", "popularity": "baseline",
    }  # fmt: skip
    found = client.search_runs(
        [plan.mlflow["experiment_id"]], f"tags.`reprise.kind` = 'candidate' and tags.`reprise.run` = '{plan.run}'"
    )
    assert [run.info.run_id for run in found] == [runs["lambdamart"].info.run_id]


def test_the_models_stand_side_by_side(plan, client):
    tracking.record_training(plan, "lambdamart")
    tracking.record_evaluation(plan, BESIDE, CHOICE)
    parent, ids = plan.mlflow["run_id"], by_model(client, plan)
    client.delete_tag(parent, "reprise.recorded.evaluation")
    tracking.record_evaluation(plan, BESIDE, CHOICE)  # as after a crash: nothing stands there twice

    order = ["lambdamart", "champion", "engine_order", "popularity"]
    table = client.load_table(plan.mlflow["experiment_id"], "comparison/models.json", [parent])
    assert table["model"].tolist() == order
    assert table[f"test/{METRIC}"].tolist() == pytest.approx([(0.5 + 3 * 0.75) / 4] * 4)
    url = tracking.comparison_url(plan)
    route, query = unquote(url).split("#/compare-runs?")
    asked = dict(part.split("=") for part in query.split("&"))
    assert route == f"{client.tracking_uri}/"
    assert json.loads(asked["runs"]) == [ids[model] for model in order]
    assert json.loads(asked["experiments"]) == [plan.mlflow["experiment_id"]]
    note = client.get_run(parent).data.tags["mlflow.note.content"]
    assert f"({url})" in note
    assert "http://localhost/run" in note
    assert "comparison/retrains.png" in [file.path for file in client.list_artifacts(parent, "comparison")]


def test_families_are_followed_over_retrains(plan, client):
    later = prepared(replace(plan, run=f"{plan.run}b", days=[*plan.days, "2026-09-09"], mlflow={}))
    for one in (plan, later):
        tracking.record_evaluation(one, BESIDE, CHOICE)
    rows = client.load_table(plan.mlflow["experiment_id"], "comparison/retrains.json", [later.mlflow["run_id"]])

    mine = rows[rows["run"].isin([plan.run, later.run])]
    assert mine["run"].tolist() == [plan.run] * 4 + [later.run] * 4
    assert mine["as_of"].tolist() == ["2026-09-08"] * 4 + ["2026-09-09"] * 4
    assert mine[mine["model"] == "popularity"][METRIC].tolist() == pytest.approx([0.6875] * 2)


def test_the_gates_report_is_kept_and_the_run_ends(plan, client):
    tracking.record_training(plan, "lambdamart")
    check = {
        "name": "superior",
        "question": "better?",
        "outcome": "fail",
        "reason": "no",
        "effect": -0.1,
        "numbers": {},
    }
    report = json.dumps({"checks": [check]}).encode()
    tracking.record_report(plan, "gate", "no", {"report.json": report}, {"reason": "no gain was proven"})
    tracking.finish_run(plan.mlflow, "FINISHED", "refused")

    run = client.get_run(plan.mlflow["run_id"])
    assert (
        run.info.status,
        run.data.tags["reprise.ending"],
        run.data.tags["reprise.gate.answer"],
    ) == ("FINISHED", "refused", "no")
    assert [file.path for file in client.list_artifacts(run.info.run_id, "gate")] == [
        "gate/checks.json",
        "gate/report.json",
    ]
    assert client.get_run(by_model(client, plan)["lambdamart"]).info.status == "KILLED"
    tracking.reopen_run(plan.mlflow)
    assert client.get_run(plan.mlflow["run_id"]).info.status == "RUNNING"


def test_versions_are_made_once_and_aliases_follow_solr(plan, client):
    tracking.record_training(plan, "lambdamart")
    first = tracking.register(plan, Served("reprise_lambdamart_1"))
    run = by_model(client, plan)["lambdamart"]
    registered = client.get_model_version("reprise-tiny", first)
    logged = client.get_logged_model(registered.source.removeprefix("models:/"))
    assert (logged.source_run_id, logged.name, registered.run_id) == (run, "reprise_lambdamart_1", run)
    assert first == tracking.register(plan, Served("reprise_lambdamart_1"))
    second = tracking.register(plan, Served("reprise_lambdamart_2"))
    aliases = lambda: client.get_registered_model("reprise-tiny").aliases  # noqa: E731

    tracking.set_champion("tiny", "reprise_lambdamart_1")
    assert {"champion": first} == aliases()
    served = mlflow.pyfunc.load_model("models:/reprise-tiny@champion")
    assert served.metadata.model_id == logged.model_id
    tracking.set_champion("tiny", "reprise_lambdamart_2", "reprise_lambdamart_1")
    assert {"champion": second, "previous": first} == aliases()
    served = {"champion": "reprise_lambdamart_2", "previous": "reprise_lambdamart_1"}
    assert tracking.served_aliases("tiny") == served
    assert tracking.served_aliases("nobody") == {}
    tracking.set_champion("tiny", "", "reprise_lambdamart_2")  # back to release 0: no model serves
    assert {"previous": second} == aliases()


def test_without_mlflow_there_is_one_clear_line(plan, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_REPRISE_MLFLOW", '{"host": "http://127.0.0.1:9"}')

    with pytest.raises(ServiceError, match=r"MLflow at http://127.0.0.1:9 does not answer.* → start it"):
        tracking.start_run(plan)
