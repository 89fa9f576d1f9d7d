"""What Spark ML writes when it saves a model, read without Spark: JSON metadata, and Parquet beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise.errors import MissingDataError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Saved:
    """One saved stage: its folder, its class without the package, and its metadata."""

    folder: Path
    kind: str
    metadata: Mapping[str, Any]

    def param(self, name: str, default: Any = None) -> Any:
        """Return a parameter as set, else its default in Spark, else ``default``."""
        known = {**self.metadata.get("defaultParamMap", {}), **self.metadata.get("paramMap", {})}
        return known.get(name, default)

    def table(self, part: str = "data") -> pa.Table:
        """Return one of the Parquet tables of the model."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = self.folder / part
        try:
            return pq.read_table(folder)
        except FileNotFoundError:
            raise MissingDataError(f"the saved {self.kind} has no {folder}", "copy the whole folder") from None
        except (pa.ArrowException, OSError) as error:
            raise UsageError(f"{folder} cannot be read: {error}", "copy the whole folder anew") from None

    def row(self) -> dict[str, Any]:
        """Return the one row of a model that is not a forest."""
        rows: list[dict[str, Any]] = self.table().to_pylist()
        if len(rows) != 1:
            raise UsageError(f"{self.folder}/data has {len(rows)} rows, not one", "copy the whole folder anew")
        return rows[0]

    def stages(self) -> list[Saved]:
        """Return the stages of a pipeline, in order."""
        uids = self.param("stageUids", [])
        width = len(str(len(uids)))
        return [read_saved(self.folder / "stages" / f"{n:0{width}}_{uid}") for n, uid in enumerate(uids)]


def read_saved(folder: Path) -> Saved:
    """Return what is saved in a folder; one that Spark ML did not write is a UsageError."""
    remedy = "give the folder that model.save(…) wrote"
    if not folder.is_dir():
        raise MissingDataError(f"there is no folder {folder}", remedy)
    parts = sorted((folder / "metadata").glob("part-*"))
    if not parts:
        raise UsageError(f"{folder} holds no saved Spark ML model: it has no metadata/part-…", remedy)
    try:
        metadata = json.loads(parts[0].read_text(encoding="utf-8").splitlines()[0])
        kind = str(metadata["class"]).rsplit(".", 1)[-1]
    except (ValueError, KeyError, TypeError, IndexError):
        raise UsageError(f"{parts[0]} is not Spark ML's metadata", remedy) from None
    return Saved(folder, kind, metadata)


def vector(cell: Mapping[str, Any]) -> Doubles:
    """Return a saved vector, dense or sparse, as an array."""
    values = np.array(cell["values"], dtype=np.float64)
    if cell["type"] == 1:
        return values
    dense = np.zeros(cell["size"])
    dense[np.array(cell["indices"], dtype=np.int64)] = values
    return dense


def matrix(cell: Mapping[str, Any]) -> Doubles:
    """Return a saved matrix as rows × columns; Spark stores columns one after the other, or rows if transposed."""
    shape = (cell["numRows"], cell["numCols"])
    if cell["type"] == 1:
        values = np.array(cell["values"], dtype=np.float64)
        return values.reshape(shape, order="C" if cell["isTransposed"] else "F")
    outer: Sequence[int] = cell["colPtrs"]
    dense = np.zeros(shape)
    for major in range(len(outer) - 1):
        for at in range(outer[major], outer[major + 1]):
            minor = cell["rowIndices"][at]
            dense[(major, minor) if cell["isTransposed"] else (minor, major)] = cell["values"][at]
    return dense
