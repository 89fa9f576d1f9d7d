"""Parquet files as raw logs: what a footer says of the paths that are mapped, and rows without Spark.

Writers change their minds: a column is new, gone, or of another type from one day on. So files are read in groups
whose mapped columns have the same types; no file's schema is taken for another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

from reprise.errors import ServiceError
from reprise.searches.salvage import opened

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

#: Footers are small; reading one is waiting.
_AT_ONCE = 16
_ROWS = 5_000


class Step(NamedTuple):
    """One part of a path: into a struct's field, a map's key, or (``each``) a field of a list's structs."""

    how: Literal["field", "key", "each"]
    name: str


@dataclass(frozen=True)
class Leaf:
    """Where a path leads in a file, and the Arrow type there; ``instant`` where a time without zone is UTC (INT96)."""

    steps: tuple[Step, ...]
    type: pa.DataType
    instant: bool = False


Leaves = Mapping[str, Leaf]


def leaves_of_files(uris: Iterable[str], paths: Mapping[str, str]) -> dict[str, Leaves | None]:
    """Return address → (our name → leaf, where there is one) of every file; None where its footer cannot be read."""

    def leaves(uri: str) -> Leaves | None:
        with opened(uri) as file:
            parquet = _parquet(file)
            return None if parquet is None else leaves_of(parquet, paths)

    named = list(uris)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(named, pool.map(leaves, named), strict=True))


def leaves_of(parquet: pq.ParquetFile, paths: Mapping[str, str]) -> Leaves:
    """Return our name → leaf of an open file, for the paths it has."""
    columns = [parquet.schema.column(number) for number in range(len(parquet.schema))]
    instants = {column.path for column in columns if column.physical_type == "INT96"}
    found = {name: _leaf(parquet.schema_arrow, path, instants) for name, path in paths.items()}
    return {name: leaf for name, leaf in found.items() if leaf}


def rows(uri: str, names: Iterable[str] | None = None) -> Iterator[dict[str, Any] | None]:
    """Yield a file's rows, of these top-level columns or all, and None for each part of it that cannot be read.

    Times are ISO text, UTC ones with a Z.
    """
    with opened(uri) as file:
        if not file.seek(0, 2):
            return
        parquet = _parquet(file)
        if parquet is None:
            yield None
            return
        wanted = None if names is None else [name for name in names if name in parquet.schema_arrow.names]
        columns = leaves_of(parquet, {name: name for name in parquet.schema_arrow.names})
        instants = {name for name, leaf in columns.items() if leaf.instant}
        for group in range(parquet.num_row_groups):
            try:
                for batch in parquet.iter_batches(_ROWS, row_groups=[group], columns=wanted):
                    yield from _rows(batch, instants)
            except ServiceError:
                raise
            except _unreadable():
                yield None


def whole(uri: str) -> bool:
    """Whether every row of a file can be read."""
    return all(row is not None for row in rows(uri))


def _parquet(file: BinaryIO) -> pq.ParquetFile | None:
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file)
    except ServiceError:  # the store's trouble, not the file's
        raise
    except _unreadable():
        return None


def _unreadable() -> tuple[type[Exception], ...]:
    import pyarrow as pa

    return (pa.ArrowInvalid, OSError)


def _leaf(schema: pa.Schema, path: str, instants: Iterable[str]) -> Leaf | None:
    """Return where a path leads: a column of that very name, or through structs, maps and (``[]``) lists."""
    if path in schema.names:
        return Leaf((Step("field", path),), _plain(schema.field(path).type), path in instants)
    first, *rest = path.split(".")
    if first.removesuffix("[]") not in schema.names:
        return None
    steps, each = [Step("field", first.removesuffix("[]"))], first.endswith("[]")
    at = _plain(schema.field(first.removesuffix("[]")).type)
    for key in rest:
        name, inner = key.removesuffix("[]"), _inside(at, each)
        if inner is None:
            return None
        how, fields = inner
        if how == "key":
            at = _plain(at.item_type)
        elif fields.get_field_index(name) < 0:
            return None
        else:
            at = _plain(fields.field(name).type)
        steps.append(Step(how, name))
        each = key.endswith("[]")
    return Leaf(tuple(steps), at, path.replace("[]", ".list.element") in instants)


def _inside(at: pa.DataType, each: bool) -> tuple[Literal["field", "key", "each"], Any] | None:
    import pyarrow.types as t

    if each:
        return ("each", at.value_type) if t.is_list(at) and t.is_struct(at.value_type) else None
    if t.is_map(at):
        return "key", None
    return ("field", at) if t.is_struct(at) else None


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return a type without what only Arrow knows of it: dictionaries, large lists, extensions."""
    import pyarrow as pa
    import pyarrow.types as t

    if t.is_dictionary(kind):
        return _plain(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind) or t.is_list_view(kind):
        return pa.list_(_plain(kind.value_type))
    if t.is_large_string(kind) or t.is_string_view(kind):
        return pa.string()
    if t.is_large_binary(kind) or t.is_fixed_size_binary(kind) or t.is_binary_view(kind):
        return pa.binary()
    return kind


def _rows(batch: pa.RecordBatch, instants: set[str]) -> Iterator[dict[str, Any]]:
    columns = {
        name: [_timed(value, name in instants) for value in _values(column)]
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    for number in range(batch.num_rows):
        yield {name: values[number] for name, values in columns.items()}


def _values(column: pa.Array) -> list[Any]:
    def one(value: pa.Scalar) -> Any:
        try:
            return value.as_py()
        except (ValueError, OverflowError):  # a time that Python has no year for
            return None

    try:
        return column.to_pylist(maps_as_pydicts="lossy")
    except (ValueError, OverflowError):
        return [one(value) for value in column]


def _timed(value: Any, instant: bool) -> Any:
    """Return times as ISO text, UTC ones with a Z, also those within structs."""
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return utc.isoformat() + ("Z" if instant or value.tzinfo else "")
    if isinstance(value, dict):
        return {name: _timed(inner, instant) for name, inner in value.items()}
    return value
