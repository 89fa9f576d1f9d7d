"""What is written into an MLflow run: metrics in batches, files, tables, and datasets with where they lie."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from reprise.lake import Manifest
    from reprise.plan import Plan

#: Of a training set's facts, what a dataset's profile shows.
_SUMMARY = ("rows", "judged_rows", "graded_rows", "mean_g", "queries", "unreachable_share", "recall")


def log_metrics(
    client: MlflowClient, run: str, series: Mapping[str, list[float] | Mapping[int, float]], model: str = ""
) -> None:
    """Log every series, one value for each step (counted from 0, or given), in batches as large as MLflow takes.

    ``model``: the MLflow model that they are of too.
    """
    import time

    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [
        Metric(name, float(value), now, step, model_id=model or None)
        for name, values in series.items()
        for step, value in (values.items() if isinstance(values, Mapping) else enumerate(values))
    ]
    for start in range(0, len(metrics), 900):
        client.log_batch(run, metrics=metrics[start : start + 900])


def log_dataset(client: MlflowClient, run: str, plan: Plan, data: Manifest, context: str) -> None:
    """Log a published table as what a run learned from or was measured on."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = plan.open_lake().store.uri(f"{data.table}/v={data.version}/{data.partition}/attempt={data.attempt}")
    summary = {name: data.facts[name] for name in _SUMMARY if name in data.facts}
    dataset = Dataset(
        name=f"{plan.deployment.name}-{data.table}-{plan.run}",
        digest=str(data.facts.get("digest") or data.attempt),
        source_type="s3" if source.startswith("s3://") else "local",
        source=json.dumps({"uri": source}),
        schema=_dataset_schema(data.facts),
        profile=json.dumps({"num_rows": data.rows, **summary}),
    )
    client.log_inputs(run, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])])


def _dataset_schema(facts: Mapping[str, Any]) -> str:
    """Return the training set's columns as MLflow shows them, the features after what they are learned against."""
    from mlflow.types.schema import ColSpec, DataType, Schema

    labels = {"query": DataType.string, "item": DataType.string, "g": DataType.double, "grade": DataType.long,
              "weight": DataType.double}  # fmt: skip
    columns: list[Any] = [ColSpec(kind, name) for name, kind in labels.items()]
    columns += [ColSpec(DataType.float, name) for name in facts.get("features", [])]
    return json.dumps({"mlflow_colspec": Schema(columns).to_dict()})


def log_files(client: MlflowClient, run: str, files: Mapping[str, bytes]) -> None:
    """Log files under their paths; one that is there already is replaced."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        client.log_artifacts(run, folder)


def log_table(client: MlflowClient, run: str, path: str, table: pd.DataFrame) -> None:
    """Log a table as MLflow's own (``mlflow.load_table`` reads it, the page shows it); one that is there is replaced.

    The client's ``log_table`` would append to it, and a retry would show every row twice.
    """
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    log_files(client, run, {path: table.to_json(orient="split", index=False, date_format="iso").encode()})
    known = json.loads(client.get_run(run).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
    entry = {"path": path, "type": "table"}
    if entry not in known:
        client.set_tag(run, MLFLOW_LOGGED_ARTIFACTS, json.dumps([*known, entry]))
