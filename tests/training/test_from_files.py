"""`train` on vectors from elsewhere: what LightGBM itself says of them, and a diagnosis."""

import json
import os
import re
from pathlib import Path

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost
from sklearn.metrics import ndcg_score

from reprise import cli
from reprise.errors import UsageError
from reprise.solr.score import LINEAR
from reprise.training.from_files import train_files
from reprise.training.vector_files import read_vectors

CONFIG = "num_trees = 30  # few\nnum_leaves = 7\ndata = elsewhere\n\n# metric = none of it\nmin_data_in_leaf = 10\n"


def made(seed, queries=40, depth=8, features=4):
    """Grades that rise with the first feature, noise in the others; the first query has nothing relevant."""
    random = np.random.default_rng(seed)
    x = np.round(random.random((queries * depth, features)), 3)
    grade = np.clip((4 * x[:, 0] + 0.5 * random.standard_normal(len(x))).astype(int), 0, 4)
    grade[:depth] = 0
    return x, grade, np.repeat(np.arange(1, queries + 1), depth)


def svmlight(path, x, grade, query, qid=True):
    rows = (
        f"{g} {f'qid:{q} ' if qid else ''}" + " ".join(f"{n}:{v}" for n, v in enumerate(row, 1) if v) + "  # a row"
        for row, g, q in zip(x.tolist(), grade, query, strict=True)
    )
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    if not qid:
        path.with_name(f"{path.name}.query").write_text("\n".join(map(str, np.bincount(query)[1:])), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path):
    (tmp_path / "train.conf").write_text(CONFIG, encoding="utf-8")
    return svmlight(tmp_path / "a.svm", *made(1)), svmlight(tmp_path / "b.svm", *made(2)), tmp_path / "train.conf"


def test_three_ways_to_write_the_same_rows_are_read_alike(tmp_path):
    x, grade, query = made(1)
    columns = {"query": query, "grade": grade, **{f"f{n}": x[:, n - 1] for n in range(1, 5)}}
    pq.write_table(pa.table(columns), tmp_path / "c.parquet")

    found = [
        read_vectors(svmlight(tmp_path / "a.svm", x, grade, query)),
        read_vectors(svmlight(tmp_path / "b.svm", x, grade, query, qid=False)),
        read_vectors(tmp_path / "c.parquet"),
    ]

    for one in found:
        assert one.names == ["f1", "f2", "f3", "f4"]
        np.testing.assert_array_equal(one.vectors, x.astype(np.float32))
        np.testing.assert_array_equal(one.grade, grade)
        np.testing.assert_array_equal(one.codes, query - 1)


def test_its_metrics_are_lightgbms_own(files):
    found = train_files(*files)

    learn, apart = (read_vectors(path) for path in files[:2])
    params = {
        "objective": "lambdarank",
        "num_leaves": 7,
        "min_data_in_leaf": 10,
        "eval_at": [1, 3, 5, 10],
        "verbose": -1,
    }
    data = lightgbm.Dataset(learn.vectors, learn.grade, group=learn.sizes)
    sets = [data, lightgbm.Dataset(apart.vectors, apart.grade, group=apart.sizes, reference=data)]
    curve = {}
    lightgbm.train(params, data, 30, sets, ["train", "held"], callbacks=[lightgbm.record_evaluation(curve)])
    for ours, theirs in ((found.train, curve["train"]), (found.held_out, curve["held"])):
        assert ours == pytest.approx({k: theirs[f"ndcg@{k}"][-1] for k in (1, 3, 5, 10)}, abs=1e-6)
    assert found.diagnosis.rounds == 30


def test_the_command_prints_figures_and_verdict_and_writes_the_model(files, tmp_path, capsys):
    arguments = ["--vectors", files[0], "--held-out", files[1], "--config", files[2], "--out", tmp_path / "m.txt"]

    assert cli.exit_code(["train", *map(str, arguments)]) == 0

    said = capsys.readouterr().out
    assert "ndcg@5 0." in said
    assert "held out" in said
    assert lightgbm.Booster(model_file=str(tmp_path / "m.txt")).num_trees() == 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 1:0.5\n", "does not say which query"),
        ("1 qid:1 1:0.5\n0 qid:2 1:0.1\n0 qid:1 1:0.2\n", "do not stand together"),
        ("a b c\n", "is no SVMlight file"),
        ("0.5 qid:1 1:0.5\n", "grades that are not 0, 1, 2"),
    ],
)
def test_a_file_that_cannot_be_learned_from_is_named(tmp_path, text, said):
    (tmp_path / "x.svm").write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=f"x.svm.*{said}"):
        read_vectors(tmp_path / "x.svm")


def test_models_of_any_library_are_measured_as_solr_scores_them(files, tmp_path, capsys):
    """Beside scikit-learn's NDCG, whose ties are averaged too; LightGBM's text, XGBoost's JSON and Solr's own."""
    apart = read_vectors(files[1])
    train = ["train", "--vectors", files[0], "--held-out", files[1], "--config", files[2], "--out", tmp_path / "m.txt"]
    assert cli.exit_code([*map(str, train)]) == 0
    assert cli.exit_code(["convert", str(tmp_path / "m.txt"), "--name", "m", "--store", "s", "--out",
                          str(tmp_path / "m.json")]) == 0  # fmt: skip
    grown = xgboost.train({"max_depth": 2}, xgboost.DMatrix(apart.vectors, label=apart.grade), 5)
    grown.save_model(tmp_path / "x.json")
    capsys.readouterr()

    models = [tmp_path / "m.json", tmp_path / "m.txt", tmp_path / "x.json"]
    asked = ["--names", "f1,f2,f3,f4", *(part for path in models for part in ("--model", str(path)))]
    assert cli.exit_code(["evaluate", "--vectors", str(files[1]), *asked]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("a random order")
    booster = lightgbm.Booster(model_file=str(tmp_path / "m.txt"))
    predicted = [
        booster.predict(apart.vectors),
        booster.predict(apart.vectors),
        grown.predict(xgboost.DMatrix(apart.vectors)),
    ]
    for line, scores in zip(said[1:], predicted, strict=True):
        expected = np.mean([
            ndcg_score([2.0 ** apart.grade[rows] - 1], [scores[rows]], k=5) if apart.grade[rows].any() else 1.0
            for rows in (apart.codes == code for code in range(len(apart.sizes)))
        ])  # fmt: skip
        assert f"ndcg@5 {expected:.4f}" in line
    assert "beside the first +0.0000 (+0.0000 to +0.0000)" in said[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "m.txt"], "evaluate takes a plan, or qrels with runs, or vectors with models"),
        (["--vectors", "b.svm", "--model", "none.json"], "there is no file none.json"),
        (["--vectors", "b.svm", "--model", "b.svm"], "b.svm is no model of"),
        (["--vectors", "b.svm", "--model", "w.json"], r"w.json asks for the features \['plays'\]"),
        (["--vectors", "b.svm", "--model", "w.json", "--names", "a,b"], "has 4 features, but 2 names were given"),
    ],
)
def test_what_cannot_be_measured_is_named(files, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    weights = {"class": LINEAR, "features": [{"name": "plays"}], "params": {"weights": {"plays": 1.0}}}
    (tmp_path / "w.json").write_text(json.dumps(weights), encoding="utf-8")

    assert cli.exit_code(["evaluate", *arguments]) != 0

    assert re.search(said, capsys.readouterr().err.replace("\n", " "))


def test_half_a_command_is_refused(capsys):
    for arguments in ([], ["--plan", "p"], ["--vectors", "a"], ["--plan", "p", "--family", "linear", "--vectors", "a"]):
        assert cli.exit_code(["train", *arguments]) == 64
    assert "give --plan and --family, or --vectors and --held-out" in capsys.readouterr().err


@pytest.mark.skipif(not os.environ.get("REPRISE_FOREIGN_DATA"), reason="REPRISE_FOREIGN_DATA names no folder")
def test_lightgbms_own_example_gives_its_published_figures_and_is_overfitted():
    folder = Path(os.environ["REPRISE_FOREIGN_DATA"]) / "lightgbm-lambdarank"

    found = train_files(folder / "rank.train", folder / "rank.test", folder / "train.conf")

    assert [round(found.held_out[k], 4) for k in (1, 3, 5)] == [0.5775, 0.6190, 0.6546]
    assert [round(found.train[k], 3) for k in (1, 3, 5)] == [0.983, 0.985, 0.980]
    assert found.diagnosis.verdict == "overfitted"
