"""Damaged models, whatever is cut from them or put in its place, are models still or one clear error."""

import copy
import json

import lightgbm
import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.ranklib import LAMBDAMART, ensemble
from reprise.errors import UsageError
from reprise.solr.convert import convert_lightgbm, convert_ranklib, convert_xgboost
from reprise.solr.convert.damage import whole
from reprise.solr.score import check_model, score

RANDOM = np.random.default_rng(1)
X = RANDOM.random((200, 3)).astype(np.float32)
NAMES = ["a", "b", "c"]
OTHERS = [None, 0, -1, 2, float("inf"), "", "x", [], {}, [1], {"a": 1}, True, 1e39, 99_999_999, "NaN", "1e400"]


def booster():
    params = {"verbose": -1, "use_missing": False, "num_leaves": 4}
    return lightgbm.train(params, lightgbm.Dataset(X.copy(), X.sum(axis=1)), 2)


def lightgbm_dump():
    return json.dumps(booster().dump_model())


def xgboost_json():
    return xgboost.train({"max_depth": 2}, xgboost.DMatrix(X, X.sum(axis=1)), 2).save_raw("json").decode()


READERS = {"lightgbm": (lightgbm_dump, convert_lightgbm), "xgboost": (xgboost_json, convert_xgboost)}


@pytest.fixture(scope="module")
def whole_models():
    return {name: json.loads(make()) for name, (make, _) in READERS.items()}


def places(found, above=()):
    """Yield the path of everything within a JSON value; of a list, the first few."""
    inside = found.items() if isinstance(found, dict) else enumerate(found[:3]) if isinstance(found, list) else ()
    for key, value in inside:
        yield (*above, key)
        yield from places(value, (*above, key))


def damaged(data, model):
    """Return a copy with one thing left out, or something else in its place."""
    changed = copy.deepcopy(model)
    *path, last = data.draw(st.sampled_from([*places(model)]))
    parent = changed
    for key in path:
        parent = parent[key]
    if data.draw(st.booleans()):
        parent[last] = data.draw(st.sampled_from(OTHERS))
    else:
        del parent[last]
    return changed


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_json_model_is_a_model_or_a_usage_error(name, whole_models, data):
    text = json.dumps(damaged(data, whole_models[name]))
    try:
        export = READERS[name][1](text, NAMES)
    except UsageError:
        return
    score(export.model, X, NAMES)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_solr_model_is_a_model_or_a_usage_error(whole_models, data):
    model = damaged(data, convert_lightgbm(json.dumps(whole_models["lightgbm"]), NAMES).model)
    try:
        check_model(model)
    except UsageError:
        return
    assert np.isfinite(score(model, X, NAMES)).all()


@pytest.fixture(scope="module")
def texts():
    ranklib = LAMBDAMART + ensemble(np.random.default_rng(1), 3, 2, [0.5])
    return {"lightgbm": (booster().model_to_string(), convert_lightgbm), "ranklib": (ranklib, convert_ranklib)}


@pytest.mark.parametrize("name", ["lightgbm", "ranklib"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_text_model_is_a_model_or_a_usage_error(name, texts, data):
    text, convert = texts[name]
    start = data.draw(st.integers(0, min(len(text), 1500)))
    rest = text[data.draw(st.integers(start, min(start + 30, len(text)))) :]
    try:
        export = convert(text[:start] + data.draw(st.sampled_from(["", "9", "x", "<", ">", "-", "e", "\n"])) + rest)
    except UsageError:
        return
    check_model(export.model)


def test_a_cut_lightgbm_model_is_refused_where_lightgbm_would_end_the_process(texts):
    text, convert = texts["lightgbm"]

    for end in range(0, text.index("end of trees") + 13, 7):
        with pytest.raises(UsageError, match=r"not a whole LightGBM model|is cut or was edited"):
            convert(text[:end])


def test_a_refusal_passes_as_it_is_and_a_crash_is_no_damage():
    with pytest.raises(UsageError, match=r"^mine$"), whole("model", "remedy"):
        raise UsageError("mine")
    with pytest.raises(UsageError, match=r"not a whole model \(KeyError: 'a'\) → remedy"), whole("model", "remedy"):
        {}["a"]
    with pytest.raises(MemoryError), whole("model", "remedy"):
        raise MemoryError
