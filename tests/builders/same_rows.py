"""Tables compared as multisets of rows, floats to 1e-9; and a plan's published tables with those by DuckDB."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from builders import duckdb_searches
from reprise.plan import Plan
from reprise.searches.calendar import raw_files
from reprise.searches.privacy import load_keys


def differences_from_duckdb(plan: Plan) -> dict[str, list[str]]:
    """Return what tells each published table from DuckDB's of the same raw files; addresses are written otherwise."""
    logs, lake = plan.deployment.logs, plan.open_lake()
    expected = duckdb_searches.extract(logs, raw_files(logs), plan.days, load_keys(lake))
    partitions = [f"dt={day}" for day in plan.days]
    return {
        name: differences(table, lake.read(name, plan.logs_version, partitions), without=["file"])
        for name, table in expected.items()
    }


def differences(expected: pa.Table, actual: pa.Table, without: Sequence[str] = ()) -> list[str]:
    """Return what tells two tables apart as multisets of rows, floats to 1e-9; nothing where they are equal."""
    found = []
    ours, theirs = _grouped(expected, without), _grouped(actual, without)
    for key in sorted(ours.keys() | theirs.keys(), key=repr):
        mine, other = ours.get(key, []), theirs.get(key, [])
        if len(mine) != len(other) or not all(map(_close, mine, other)):
            found.append(f"{key}: expected {mine}, found {other}")
    return found


def _grouped(table: pa.Table, without: Sequence[str]) -> dict[tuple[Any, ...], list[tuple[float | None, ...]]]:
    """Return the rows by what is exact in them, each with its floats."""
    names = [name for name in table.schema.names if name not in without]
    floats = [name for name in names if pa.types.is_floating(table.schema.field(name).type)]
    found = defaultdict(list)
    for row in table.to_pylist():
        key = tuple(row[name] for name in names if name not in floats)
        found[key].append(tuple(row[name] for name in floats))
    return {key: sorted(values, key=repr) for key, values in found.items()}


def _close(mine: tuple[float | None, ...], other: tuple[float | None, ...]) -> bool:
    return all(
        a == b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
        for a, b in zip(mine, other, strict=True)
    )
