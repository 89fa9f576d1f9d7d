"""Parquet columns as Spark reads them, and as text: what a group of files with equal types has for each path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reprise.searches.cells import cell, file_path, hadoop_path, listed
from reprise.searches.parquet_files import Leaf
from reprise.settings import Source

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import DataType, StructType

_UTC, _LOCAL = "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"


def rows(spark: SparkSession, source: Source, leaves: Mapping[str, Leaf], uris: Sequence[str]) -> DataFrame:
    """Return file, torn, readable, utf8 and the cells of Parquet files in which the paths lead to these leaves."""
    from pyspark.sql import functions as F

    # Nanoseconds, which pandas writes, are no type of Spark's; they are counted as integers.
    spark.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")
    readable = {name: leaf for name, leaf in leaves.items() if _spark_type(leaf.type, leaf.instant) is not None}
    reader = spark.read.schema(_schema(readable)).options(datetimeRebaseMode="CORRECTED", int96RebaseMode="CORRECTED")
    frame = reader.parquet(*[hadoop_path(uri) for uri in uris])
    cells = [_cell(source, name, readable.get(name)).alias(cell(source, name)) for name in source.paths()]
    texts = F.concat_ws("", *[F.col(cell(source, name)) for name in source.paths() if name != "results"])
    frame = frame.select(file_path().alias("file"), F.lit(False).alias("torn"), F.lit(True).alias("readable"), *cells)
    return frame.withColumn("utf8", F.decode(texts.cast("binary"), "UTF-8") == texts)


def _cell(source: Source, name: str, leaf: Leaf | None) -> Column:
    from pyspark.sql import functions as F

    if leaf is None:
        return F.lit(None).cast("array<string>" if name == "results" else "string")
    first, *rest = leaf.steps
    found = F.col(f"`{first.name}`")
    for step in rest:
        found = found.getItem(step.name) if step.how == "key" else found.getField(step.name)
    if name != "results":
        return _text(found, leaf.type, leaf.instant)
    return _list(found, leaf, source.list_separator or "|")


def _list(found: Column, leaf: Leaf, separator: str) -> Column:
    import pyarrow.types as t
    from pyspark.sql import functions as F

    if any(step.how == "each" for step in leaf.steps):
        return F.transform(found, lambda one: _text(one, leaf.type, leaf.instant))
    if t.is_list(leaf.type):
        return F.transform(found, lambda one: _text(one, leaf.type.value_type, leaf.instant))
    if t.is_string(leaf.type) or t.is_binary(leaf.type):
        return listed(found.cast("string"), separator)
    return F.lit(None).cast("array<string>")


def _text(value: Column, kind: pa.DataType, instant: bool) -> Column:
    """Return a value as the text that a JSON log would have: times as ISO, UTC ones with a Z."""
    import pyarrow.types as t
    from pyspark.sql import functions as F

    if t.is_timestamp(kind):
        if kind.unit == "ns" and not instant:
            value = F.timestamp_micros(F.call_function("div", value, F.lit(1000)))
        return F.date_format(value.cast("timestamp"), _UTC if kind.tz or instant else _LOCAL)
    if t.is_floating(kind):
        return value.cast("double").cast("string")
    if t.is_nested(kind):
        return F.to_json(value)
    return value.cast("string")


def _schema(leaves: Mapping[str, Leaf]) -> StructType:
    """Return the least that must be read: only what leads to the leaves."""
    from pyspark.sql.types import ArrayType, MapType, StringType, StructField, StructType

    tree: dict[Any, Any] = {}
    for leaf in leaves.values():
        kind: Any = _spark_type(leaf.type, leaf.instant)
        steps = list(leaf.steps)
        node: dict[Any, Any] = tree
        for at, step in enumerate(steps):
            following = steps[at + 1].how if at + 1 < len(steps) else None
            if following == "key":
                node[step.name] = MapType(StringType(), kind)  # maps within maps are not looked into
                break
            if following is None:
                node[step.name] = kind
                break
            node = node.setdefault((step.name, following), {})

    def fields(node: dict[Any, Any]) -> StructType:
        found = StructType()
        for key, value in node.items():
            name, how = key if isinstance(key, tuple) else (key, "")
            kind = fields(value) if how else value
            found.add(StructField(name, ArrayType(kind) if how == "each" else kind))
        return found

    return fields(tree)


def _spark_type(kind: pa.DataType, instant: bool) -> DataType | None:
    """Return the type by which Spark reads an Arrow type from Parquet, or None for what it cannot read."""
    import pyarrow.types as t
    from pyspark.sql import types as s

    if t.is_timestamp(kind):
        if kind.unit == "ns" and not instant:
            return s.LongType()
        return s.TimestampType() if kind.tz or instant else s.TimestampNTZType()
    if t.is_decimal128(kind):
        return s.DecimalType(kind.precision, kind.scale)
    if t.is_list(kind):
        inner = _spark_type(kind.value_type, instant)
        return inner and s.ArrayType(inner)
    if t.is_map(kind):
        inner = _spark_type(kind.item_type, instant) if t.is_string(kind.key_type) else None
        return inner and s.MapType(s.StringType(), inner)
    if t.is_struct(kind):
        parts = [(field.name, _spark_type(field.type, instant)) for field in kind]
        return s.StructType([s.StructField(name, part) for name, part in parts if part]) if all(parts) else None
    plain: list[tuple[Any, DataType]] = [
        (t.is_string, s.StringType()), (t.is_binary, s.BinaryType()), (t.is_boolean, s.BooleanType()),
        (t.is_date, s.DateType()), (t.is_float32, s.FloatType()), (t.is_float64, s.DoubleType()),
        (t.is_uint64, s.DecimalType(20, 0)), (t.is_uint32, s.LongType()), (t.is_int64, s.LongType()),
        (t.is_duration, s.LongType()), (t.is_integer, s.IntegerType()),
    ]  # fmt: skip
    return next((spark for matches, spark in plain if matches(kind)), None)
