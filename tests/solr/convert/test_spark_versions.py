"""What older and newer Sparks saved is read as what this one saves: files of their making, and their predictions."""

import json
from pathlib import Path

import numpy as np
import pytest

from reprise.solr.convert import convert_spark
from reprise.solr.score import check_model, score

SAVED = Path(__file__).parents[2] / "fixtures" / "spark_models"
NAMES = ["a", "b", "c"]


@pytest.mark.parametrize("model", ["linear", "logistic", "gbt", "forest"])
@pytest.mark.parametrize("version", ["3.4.4", "4.3.0"])
def test_a_model_of_another_spark_scores_as_that_spark_predicted(version, model):
    said = json.loads((SAVED / version / "predictions.json").read_text())
    vectors = np.array(said["vectors"], np.float32)
    export = convert_spark(SAVED / version / model, NAMES)
    constants = [entry["name"] for entry in getattr(export, "extra_features", [])]
    matrix = np.c_[vectors, np.ones((len(vectors), len(constants)), np.float32)]

    check_model(export.model)

    found = score(export.model, matrix, [*NAMES, *constants])
    np.testing.assert_allclose(found, said[model], rtol=1e-6, atol=1e-6)
    assert len(set(said[model])) > 4
