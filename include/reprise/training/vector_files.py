"""Vectors from elsewhere: judged feature vectors in files, so that the trainer can be tried on public sets.

SVMlight (LETOR): ``grade qid:7 1:0.5 9:0.1``; or without ``qid``, as LightGBM has it, and beside the file another
whose name ends in ``.query`` with the number of rows of each query. Parquet: columns ``query`` and ``grade``, every
other one a feature. Rows of a query stand together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reprise.errors import UsageError
from reprise.training.data import Floats, Vectors


@dataclass(frozen=True)
class Judged:
    """Rows of feature values with a grade each; ``sizes`` are rows of each query, in order."""

    names: list[str]
    vectors: Vectors
    grade: Floats
    sizes: np.ndarray[Any, np.dtype[np.int64]]

    @property
    def codes(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Which query a row belongs to, from 0."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def read_vectors(path: Path, features: int | None = None) -> Judged:
    """Return the rows of a file; ``features``: how many there are, where a sparse file may not name the last ones."""
    if not path.exists():
        raise UsageError(f"there is no file {path}", "give an SVMlight file, or Parquet with query and grade")
    return _parquet(path) if path.suffix == ".parquet" else _svmlight(path, features)


def _svmlight(path: Path, features: int | None) -> Judged:
    from sklearn.datasets import load_svmlight_file

    try:
        x, grade, queries = load_svmlight_file(str(path), n_features=features, query_id=True, zero_based=False)
    except ValueError as error:
        remedy = "write `grade qid:1 1:0.5 2:0.25`, a line for a row"
        raise UsageError(f"{path} is no SVMlight file: {error}", remedy) from None
    sizes_file = path.with_name(f"{path.name}.query")
    if len(queries) == len(grade):
        sizes = _sizes(path, queries)
    elif sizes_file.exists():
        sizes = np.loadtxt(sizes_file, dtype=np.int64, ndmin=1)
    else:
        raise UsageError(f"{path} does not say which query a row answers", f"write qid:, or {sizes_file.name}")
    names = [f"f{n}" for n in range(1, x.shape[1] + 1)]
    return _checked(path, Judged(names, x.toarray().astype(np.float32), grade, sizes))


def _parquet(path: Path) -> Judged:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    if lacking := {"query", "grade"} - set(table.column_names):
        raise UsageError(f"{path} has no column {' and '.join(sorted(lacking))}", "name them query and grade")
    names = [name for name in table.column_names if name not in ("query", "grade")]
    vectors = np.column_stack([table[name].to_numpy().astype(np.float32) for name in names])
    _, codes = np.unique(table["query"].to_numpy(zero_copy_only=False), return_inverse=True)
    return _checked(path, Judged(names, vectors, table["grade"].to_numpy().astype(float), _sizes(path, codes)))


def _sizes(path: Path, queries: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    first = np.flatnonzero(np.r_[True, queries[1:] != queries[:-1]])
    if len(first) != len(np.unique(queries)):
        raise UsageError(f"{path}: rows of one query do not stand together", "sort the rows by query")
    return np.diff(np.r_[first, len(queries)])


def _checked(path: Path, found: Judged) -> Judged:
    if found.sizes.sum() != len(found.grade):
        raise UsageError(
            f"{path} has {len(found.grade)} rows, its queries {found.sizes.sum()}", "give the sizes of this very file"
        )
    if (found.grade < 0).any() or (found.grade % 1 != 0).any():
        raise UsageError(f"{path} has grades that are not 0, 1, 2, …", "LambdaRank learns an order of whole grades")
    return found
