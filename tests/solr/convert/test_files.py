"""A model's format is told by its content; what is no model is named."""

import json

import lightgbm
import numpy as np
import pytest
import xgboost

from builders.ranklib import LAMBDAMART, ensemble
from builders.spark_forest import save_forest
from reprise.errors import MissingDataError, UsageError
from reprise.solr.convert import convert_lightgbm, convert_ranklib, convert_spark, convert_xgboost
from reprise.solr.convert.files import convert_file, read_names

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Each library's model in files whose names say nothing."""
    folder = tmp_path_factory.mktemp("models")
    random = np.random.default_rng(1)
    x = random.random((200, 3)).astype(np.float32)
    quiet = {"verbose": -1, "use_missing": False, "min_data_in_leaf": 5}
    booster = lightgbm.train(quiet, lightgbm.Dataset(x.copy(), x.sum(axis=1), params={"verbose": -1}), 3)
    booster.save_model(folder / "one")
    (folder / "two").write_text(json.dumps(booster.dump_model()))
    trees = xgboost.train({"max_depth": 3}, xgboost.DMatrix(x, x.sum(axis=1)), 3)
    (folder / "three").write_text(trees.save_raw("json").decode())
    (folder / "four").write_text(LAMBDAMART + ensemble(random, 3, 3, [0.5, 0.25]))
    save_forest(folder / "five", random, 3, 2, [0.5, 0.25])
    trees.save_model(folder / "binary.ubj")
    return folder


def test_the_content_says_which_library_wrote_it(saved):
    expected = {
        "one": convert_lightgbm((saved / "one").read_text(), NAMES),
        "two": convert_lightgbm((saved / "one").read_text(), NAMES),
        "three": convert_xgboost((saved / "three").read_text(), NAMES),
        "four": convert_ranklib((saved / "four").read_text(), NAMES),
        "five": convert_spark(saved / "five", NAMES),
    }

    assert expected == {name: convert_file(saved / name, names=NAMES) for name in expected}
    assert expected["three"] == convert_file(saved / "three", "xgboost", NAMES)


WRONG = {
    "nowhere": (None, None, "there is no file"),
    "binary.ubj": (None, None, r"not text → .*save_model\('model.json'\)"),
    "prose": ("Dear model,", None, "begins with 'Dear model,'"),
    "cut": ('{"learner": ', None, "is not JSON"),
    "list": ("[1, 2]", None, "begins with"),
    "other": ('{"apples": 1, "pears": 2}', None, r"its keys are \['apples', 'pears'\]"),
    "solr": ('{"class": "LinearModel", "params": {}}', None, "looks like a Solr model already"),
    "one": (None, "ranklib", "nameless model"),
    "three": (None, "catboost", "no format 'catboost'"),
    "five": (None, "xgboost", "is a folder"),
    "two": (None, "spark", "there is no folder"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_model_is_named(saved, name):
    text, kind, said = WRONG[name]
    if text is not None:
        (saved / name).write_text(text)

    with pytest.raises(UsageError, match=said):
        convert_file(saved / name, kind, NAMES)


def test_a_folder_that_spark_did_not_write_is_named(tmp_path):
    with pytest.raises(UsageError, match="holds no saved Spark ML model"):
        convert_file(tmp_path)


def test_a_model_that_scores_everything_alike_is_refused(tmp_path):
    (tmp_path / "flat").write_text("## Coordinate Ascent\n1:0.0 2:0.0")

    with pytest.raises(UsageError, match="every weight"):
        convert_file(tmp_path / "flat")


def test_names_come_from_a_file_or_a_list(tmp_path):
    (tmp_path / "names.txt").write_text("a\nb \n\nc\n")

    assert read_names(str(tmp_path / "names.txt")) == NAMES
    assert read_names("a, b,c") == NAMES
    with pytest.raises(UsageError, match="no feature names"):
        read_names(",")
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(UsageError, match="is not text"):
        read_names(str(tmp_path / "bytes"))
    with pytest.raises(MissingDataError):
        convert_file(tmp_path / "nowhere")
