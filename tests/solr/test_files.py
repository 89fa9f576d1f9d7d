"""Vectors in plain files, scored by a Solr model."""

import csv
import json

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reprise.errors import MissingDataError, UsageError
from reprise.solr.convert import convert_lightgbm, convert_linear
from reprise.solr.files import score_file

NAMES = ["bm25", "plays"]


@pytest.fixture
def vectors():
    return np.random.default_rng(1).random((200, 2)).astype(np.float32)


@pytest.fixture
def converted(tmp_path, vectors):
    """The path of a Solr model and LightGBM's own predictions."""
    data = lightgbm.Dataset(vectors.copy(), vectors.sum(axis=1), feature_name=NAMES, params={"verbose": -1})
    booster = lightgbm.train({"verbose": -1, "use_missing": False, "min_data_in_leaf": 5}, data, 20)
    (tmp_path / "model.json").write_text(json.dumps(convert_lightgbm(booster.model_to_string()).model))
    return tmp_path / "model.json", booster.predict(vectors)


def table(vectors):
    return pa.table(
        {
            "item": [f"song:{n}" for n in range(len(vectors))],
            "plays": vectors[:, 1],
            "bm25": vectors[:, 0].astype(np.float64),
        }
    )


def test_a_converted_file_scores_a_parquet_file_as_lightgbm_does_and_keeps_the_ids(tmp_path, vectors, converted):
    model, predictions = converted
    pq.write_table(table(vectors), tmp_path / "vectors.parquet")

    rows = list(csv.DictReader(score_file(model, tmp_path / "vectors.parquet").splitlines()))

    assert [row["item"] for row in rows] == [f"song:{n}" for n in range(200)]
    np.testing.assert_allclose([float(row["score"]) for row in rows], predictions, rtol=0, atol=1e-5)


def test_csv_and_parquet_give_the_same_scores(tmp_path, vectors, converted):
    import pyarrow.csv

    pq.write_table(table(vectors), tmp_path / "vectors.parquet")
    pyarrow.csv.write_csv(table(vectors), tmp_path / "vectors.csv")

    expected = score_file(converted[0], tmp_path / "vectors.parquet")
    assert expected == score_file(converted[0], tmp_path / "vectors.csv")


def scores(text):
    return [float(row["score"]) for row in csv.DictReader(text.splitlines())]


def test_an_svmlight_file_gives_the_same_scores_and_what_it_leaves_out_is_0(tmp_path, vectors, converted):
    from sklearn.datasets import dump_svmlight_file

    vectors[::3, 1] = 0.0
    pq.write_table(table(vectors), tmp_path / "vectors.parquet")
    padded = np.column_stack([np.zeros(len(vectors)), vectors]).astype(np.float64)  # numbers 1 and 2
    dump_svmlight_file(padded, np.zeros(len(vectors)), str(tmp_path / "vectors.svm"), zero_based=True)
    dump_svmlight_file(
        padded, np.zeros(len(vectors)), str(tmp_path / "queries.svm"), query_id=np.repeat(range(20), 10)
    )  # fmt: skip

    expected = scores(score_file(converted[0], tmp_path / "vectors.parquet"))
    assert expected == scores(score_file(converted[0], tmp_path / "vectors.svm", NAMES))
    assert expected == scores(score_file(converted[0], tmp_path / "queries.svm", NAMES))


def test_svmlight_numbers_are_names_where_the_model_has_such(tmp_path):
    model = convert_linear({"f0": 10.0, "f2": 1.0, "f9": 5.0}, intercept=0.5).model
    (tmp_path / "model.json").write_text(json.dumps(model))
    (tmp_path / "vectors.svm").write_text("1 qid:1 0:1 2:3\n0 qid:1 1:7 2:0.25 # a comment\n")

    assert score_file(tmp_path / "model.json", tmp_path / "vectors.svm") == "score\n13.5\n0.75\n"


def test_the_constant_of_a_linear_model_needs_no_column(tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(convert_linear({"a": 2.0}, intercept=1.5).model))
    (tmp_path / "vectors.csv").write_text("item,a\nsong:1,1\nsong:2,-3\n")

    expected = "item,score\nsong:1,3.5\nsong:2,-4.5\n"
    assert expected == score_file(tmp_path / "model.json", tmp_path / "vectors.csv")


def test_missing_columns_and_empty_values_are_named(tmp_path, vectors, converted):
    pq.write_table(table(vectors).drop_columns(["plays"]), tmp_path / "less.parquet")
    holes = table(vectors).set_column(1, "plays", pa.array([None, *vectors[1:, 1]], pa.float32()))
    pq.write_table(holes, tmp_path / "holes.parquet")
    words = table(vectors).set_column(1, "plays", pa.array(["many"] * 200))
    pq.write_table(words, tmp_path / "words.parquet")

    with pytest.raises(UsageError, match=r"lacks the model's features \['plays'\]"):
        score_file(converted[0], tmp_path / "less.parquet")
    with pytest.raises(UsageError, match="'plays' has 1 empty"):
        score_file(converted[0], tmp_path / "holes.parquet")
    with pytest.raises(UsageError, match="'plays' is not numeric"):
        score_file(converted[0], tmp_path / "words.parquet")


def test_files_that_are_not_what_they_should_be_are_named(tmp_path, vectors, converted):
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "bad.parquet").write_text("no parquet")

    (tmp_path / "odd.json").write_text('{"class": "org.apache.solr.ltr.model.LinearModel", "features": ["a"]}')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    for name in ("bad.json", "list.json", "bytes.json"):
        with pytest.raises(UsageError, match=name):
            score_file(tmp_path / name, tmp_path / "bad.parquet")
    with pytest.raises(UsageError, match="lists the feature 'a'"):
        score_file(tmp_path / "odd.json", tmp_path / "bad.parquet")
    with pytest.raises(UsageError, match=r"are the features \['bm25', 'plays'\]\?"):
        score_file(converted[0], tmp_path / "bad.svm")
    with pytest.raises(MissingDataError, match=r"no file .*bad\.svm"):
        score_file(converted[0], tmp_path / "bad.svm", NAMES)
    (tmp_path / "bad.svm").write_text("one 1=2\n")
    with pytest.raises(UsageError, match=r"bad\.svm is no SVMlight file"):
        score_file(converted[0], tmp_path / "bad.svm", NAMES)
    with pytest.raises(UsageError, match=r"bad\.parquet cannot be read"):
        score_file(converted[0], tmp_path / "bad.parquet")
    with pytest.raises(MissingDataError, match="no file"):
        score_file(converted[0], tmp_path / "nowhere.parquet")
