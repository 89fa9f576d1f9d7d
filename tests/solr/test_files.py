"""`convert` and `score` on plain files."""

import csv
import json

import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reprise.errors import MissingDataError, UsageError
from reprise.solr.files import convert_file, score_file

NAMES = ["bm25", "plays"]


@pytest.fixture
def vectors():
    return np.random.default_rng(1).random((200, 2)).astype(np.float32)


@pytest.fixture
def converted(tmp_path, vectors):
    """The path of a Solr model and LightGBM's own predictions."""
    data = lightgbm.Dataset(vectors.copy(), vectors.sum(axis=1), feature_name=NAMES, params={"verbose": -1})
    booster = lightgbm.train({"verbose": -1, "use_missing": False, "min_data_in_leaf": 5}, data, 20)
    booster.save_model(tmp_path / "model.txt")
    convert_file(tmp_path / "model.txt", name="mine", store="mine_features", out=tmp_path / "model.json")
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


def test_the_model_is_named_as_asked(converted):
    model = json.loads(converted[0].read_text())

    assert (model["name"], model["store"]) == ("mine", "mine_features")


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

    with pytest.raises(MissingDataError, match=r"no file .*nowhere.txt"):
        convert_file(tmp_path / "nowhere.txt", name="m", store="s", out=tmp_path / "out.json")
    for name in ("bad.json", "list.json"):
        with pytest.raises(UsageError, match=name):
            score_file(tmp_path / name, tmp_path / "bad.parquet")
    with pytest.raises(UsageError, match=r"bad\.parquet cannot be read"):
        score_file(converted[0], tmp_path / "bad.parquet")
    with pytest.raises(MissingDataError, match="no file"):
        score_file(converted[0], tmp_path / "nowhere.parquet")
