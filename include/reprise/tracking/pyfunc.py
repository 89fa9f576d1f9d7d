"""Candidates as MLflow models whose scores are Solr's own, bit for bit: the pyfunc flavour over ``candidate.json``.

MLflow finds ``_load_pyfunc`` here by the module's name (its loader flavour), so nothing is pickled: what is stored is
what Solr would be sent. Loading a model therefore needs Reprise on the path, and nothing else beside MLflow.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.solr.score import Floats, constant, feature_names, score

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

_REQUIRED = ("mlflow", "numpy", "pandas")


class SolrScorer:
    """A candidate that is given values of features by name; constants such as the intercept it brings itself."""

    def __init__(self, model: Mapping[str, Any], entries: list[dict[str, Any]]) -> None:
        used = feature_names(model)
        fixed = {str(entry["name"]): constant(entry) for entry in entries}
        self._model = model
        self._fixed = {name: fixed[name] for name in used if fixed.get(name) is not None}
        self.features = [name for name in used if name not in self._fixed]

    def predict(self, model_input: pd.DataFrame) -> Floats:
        """Return Solr's score of each row, float32; columns beyond the features are passed over."""
        given = model_input[self.features].to_numpy(np.float32)
        fixed = np.tile(np.array(list(self._fixed.values()), np.float32), (len(given), 1))
        return score(self._model, np.hstack([given, fixed]), [*self.features, *self._fixed])


def _load_pyfunc(path: str) -> SolrScorer:
    candidate = json.loads(Path(path).read_text("utf-8"))
    return SolrScorer(candidate["model_json"], candidate["features"])


def log_model(
    client: MlflowClient, experiment: str, run: str, name: str, candidate: Mapping[str, Any], tags: dict[str, str]
) -> str:
    """Return the id of a candidate's MLflow model, of that name and logged from its run; made once.

    ``candidate`` is ``candidate.json``.
    """
    from mlflow.entities import LoggedModelOutput

    if found := find_model(client, experiment, run, name):
        return found
    model = str(client.create_logged_model(experiment, name, run, tags, model_type="ranker").model_id)
    with tempfile.TemporaryDirectory() as folder:
        client.log_model_artifacts(model, str(_saved(candidate, Path(folder), run, model)))
    client.finalize_logged_model(model, "READY")
    client.log_outputs(run, [LoggedModelOutput(model, 0)])
    return model


def find_model(client: MlflowClient, experiment: str, run: str, name: str) -> str:
    """Return the id of the complete MLflow model of that name that a run logged, or nothing."""
    found = client.search_logged_models([experiment], f"source_run_id = '{run}' AND name = '{name}'")
    return next((str(model.model_id) for model in found if model.status == "READY"), "")


def _saved(candidate: Mapping[str, Any], folder: Path, run: str, model: str) -> Path:
    """Return the model's folder; its requirements are told, never inferred, which would ask a package index."""
    pyfunc = _pyfunc()
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    data = folder / "candidate.json"
    data.write_text(json.dumps(candidate, sort_keys=True), "utf-8")
    names = SolrScorer(candidate["model_json"], candidate["features"]).features
    inputs = Schema([ColSpec(DataType.float, name) for name in names])
    pyfunc.save_model(
        folder / "model", loader_module=__name__, data_path=str(data),
        mlflow_model=Model(run_id=run, model_id=model),
        signature=ModelSignature(inputs, Schema([ColSpec(DataType.float, "score")])),
        input_example=pd.DataFrame(np.zeros((1, len(names)), np.float32), columns=names),
        pip_requirements=[f"{name}=={version(name)}" for name in _REQUIRED],
    )  # fmt: skip
    return folder / "model"


def _pyfunc() -> Any:
    """Return MLflow's module, whose own type hints warn when it is first imported."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*type hint", UserWarning)
        return import_module("mlflow.pyfunc")
