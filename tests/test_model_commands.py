"""`reprise convert` and `reprise score`, as they are typed."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builders.ranklib import LAMBDAMART, ensemble, ranklib_scores
from reprise import cli

NAMES = ["bm25", "plays", "age"]


@pytest.fixture
def model(tmp_path):
    text = LAMBDAMART + ensemble(np.random.default_rng(5), 3, 12, [0.25, 0.5, 0.75])
    (tmp_path / "model").write_text(text)
    return text


def run(*arguments):
    return cli.exit_code([str(argument) for argument in arguments])


def test_a_model_from_elsewhere_scores_vectors_as_its_own_library_does(tmp_path, model, capsys):
    out, vectors = tmp_path / "model.json", np.random.default_rng(6).random((50, 3)).astype(np.float32)
    pq.write_table(pa.table(dict(zip(NAMES, vectors.T, strict=True))), tmp_path / "vectors.parquet")

    assert run("convert", tmp_path / "model", "--out", out, "--names", ",".join(NAMES)) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    assert run("score", "--model", out, "--vectors", tmp_path / "vectors.parquet") == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "score"
    np.testing.assert_allclose([float(line) for line in lines], ranklib_scores(model, vectors), rtol=0, atol=1e-6)

    assert run("score", "--model", out, "--vectors", tmp_path / "vectors.parquet", "--out", tmp_path / "scores") == 0
    assert (tmp_path / "scores").read_text().splitlines() == [header, *lines]


def test_the_model_is_named_as_asked(tmp_path, model):
    out = tmp_path / "model.json"

    run("convert", tmp_path / "model", "--out", out)
    assert not {"name", "store"} & set(json.loads(out.read_text()))
    run("convert", tmp_path / "model", "--out", out, "--name", "mine", "--store", "ours", "--format", "ranklib")
    written = json.loads(out.read_text())
    assert (written["name"], written["store"]) == ("mine", "ours")


def test_what_has_to_be_known_of_a_model_is_said(tmp_path, capsys):
    (tmp_path / "linear").write_text("## Linear Regression\n0:1.5 1:0.25")
    split = "<feature>1</feature><threshold>1.03E-7</threshold><split pos='left'><output>1</output></split>"
    tree = f"<split>{split}<split pos='right'><output>2</output></split></split>"
    (tmp_path / "trees").write_text(f"<ensemble><tree weight='1'>{tree}</tree></ensemble>")

    run("convert", tmp_path / "linear", "--out", tmp_path / "out")
    assert '"name": "intercept"' in capsys.readouterr().out
    run("convert", tmp_path / "trees", "--out", tmp_path / "out")
    assert "values of f1 in (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convert", "{}/nowhere", "--out", "{}/out"], "no file"),
        (["convert", "{}/model", "--out", "{}/out", "--names", "a,b"], "3 features, but 2 names"),
        (["convert", "{}/model", "--out", "{}/out", "--name", "mine"], "both --name and --store"),
        (["convert", "{}/model", "--out", "{}/out", "--format", "catboost"], "one of lightgbm, xgboost, ranklib"),
        (["score", "--model", "{}/model", "--vectors", "{}/vectors"], "is not JSON"),
        (["score", "--model", "{}/nowhere", "--vectors", "{}/vectors"], "no file"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, model, arguments, said, capsys):
    assert run(*[argument.format(tmp_path) for argument in arguments]) == 64
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
