"""Raw lines of any source become records of one shape; what cannot be read keeps its text and gets a reason.

A record has a ``fate``: null while it is in use, ``rejected:<reason>`` where it could not be understood,
``dropped:<reason>`` where it was understood and is left out on purpose.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reprise.errors import UsageError
from reprise.searches.calendar import template
from reprise.searches.sample import ACTION_LINE, EPOCHS_PER_S
from reprise.settings import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

TEXT = ("search_id", "query", "action", "item", "surface", "scope", "language", "ranker", "from_item", "play_id")
NUMBERS = ("position", "swapped", "shown_ms")
OUR_ACTIONS = ("impression", "click", "save")
#: A client's clock may run ahead of the collector's by this much before its records are left out.
CLOCK_AHEAD_S = 900


def records(spark: SparkSession, source: Source, uris: Sequence[str]) -> DataFrame:
    """Return one row per raw record of these files, mapped, users as logged, and with a fate where it has one."""
    from pyspark.sql import functions as F

    lines = spark.read.text([hadoop_path(uri) for uri in uris]).select(
        "value", F.col("_metadata.file_path").alias("file")
    )
    lines = lines.filter(F.trim("value") != "")
    if source.format == "bulk":
        lines = lines.filter(~F.col("value").rlike(ACTION_LINE))
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": "_corrupt"}
    parsed = lines.withColumn("r", F.from_json("value", schema_of(source), options))
    mapped = parsed.select("value", "file", _readable().alias("readable"), *_fields(source))
    day = F.coalesce(F.date_format("ts", "yyyy-MM-dd"), F.col("file_day"))
    dated = mapped.withColumn("file_day", _file_day(source)).withColumn("day", day)
    judged = dated.withColumn("fate", _fate(source))
    kept = F.when(F.col("fate").startswith("rejected:"), _verbatim())
    return judged.select(
        F.lit(source.name).alias("source"), F.regexp_replace("file", "^s3a://", "s3://").alias("file"),
        kept.alias("raw"), F.xxhash64("value").alias("digest"), "fate", "file_day", "day", "kind", "user", "ts",
        *TEXT, "results", *NUMBERS, "seconds", "duration", "autoplay", "opted_out",
        _key().alias("key"),
    )  # fmt: skip


def schema_of(source: Source) -> StructType:
    """Return the JSON schema of a source's dotted paths: text leaves, so that no odd type spoils a record."""
    from pyspark.sql.types import ArrayType, StringType, StructField, StructType

    tree: dict[str, Any] = {}
    for name, path in source.fields.items():
        branch, keys = tree, path.split(".")
        for key in keys[:-1]:
            branch = branch.setdefault(key, {})
            if not isinstance(branch, dict):
                raise UsageError(f"source {source.name!r}: {path!r} reads into a value that another field maps whole")
        branch[keys[-1]] = ArrayType(StringType()) if name == "results" else StringType()

    def struct(node: dict[str, Any]) -> StructType:
        return StructType([StructField(k, struct(v) if isinstance(v, dict) else v) for k, v in node.items()])

    return StructType([*struct(tree).fields, StructField("_corrupt", StringType())])


def dropped_by(source: Source) -> dict[str, list[str]]:
    """Return our field name → regular expressions of the values that mark internal or opted-out traffic."""
    return {
        field: [fnmatch.translate(value.lower()).replace("(?s:", "(?s)(?:").replace("\\Z", "$") for value in values]
        for field, values in source.drop_when.items()
    }


def hadoop_path(uri: str) -> str:
    """Return a raw file's address for Spark, which expands globs in paths; here a name is meant literally."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", uri)


def _field(source: Source, name: str) -> Column:
    from pyspark.sql import functions as F

    if name not in source.fields:
        return F.lit(None).cast("array<string>" if name == "results" else "string")
    column = F.col("r")
    for key in source.fields[name].split("."):
        column = column.getField(key)
    return column


def _fields(source: Source) -> list[Column]:
    from pyspark.sql import functions as F

    def text(name: str) -> Column:
        value = _field(source, name)
        return F.when(F.trim(value) != "", value)

    raw_action = text("action")
    actions = F.lit(None).cast("string")
    for theirs, ours in source.actions.items():
        actions = F.when(raw_action == theirs, ours).otherwise(actions)
    kind = F.lit("play") if source.kind == "play" else F.when(raw_action.isNull(), "search").otherwise("event")
    fields = {name: text(name) for name in TEXT} | {"action": actions, "query": _field(source, "query")}
    marks = {name: _marked(source, [name]) for name in ("optout",)}
    others = [name for name in source.drop_when if name != "optout"]
    return [
        kind.alias("kind"), text("user").alias("user"), _time(_field(source, "ts"), source.time_format).alias("ts"),
        raw_action.alias("raw_action"), *[column.alias(name) for name, column in fields.items()],
        _field(source, "results").alias("results"),
        (_field(source, "position").cast("int") + (1 - source.position_base)).alias("position"),
        *[_field(source, name).cast("int").alias(name) for name in NUMBERS if name != "position"],
        _seconds(source, "listened").alias("seconds"), _seconds(source, "duration").alias("duration"),
        (F.lower(_field(source, "autoplay")).isin("true", "1")).alias("autoplay"),
        marks["optout"].alias("opted_out"), _marked(source, others).alias("internal"),
    ]  # fmt: skip


def _marked(source: Source, names: Sequence[str]) -> Column:
    from pyspark.sql import functions as F

    marked = F.lit(False)
    for name in names:
        for expression in dropped_by(source).get(name, []):
            marked = marked | F.coalesce(F.lower(_field(source, name)).rlike(f"^{expression}"), F.lit(False))
    return marked


def _seconds(source: Source, name: str) -> Column:
    from pyspark.sql import functions as F

    if f"{name}_ms" in source.fields:
        seconds = _field(source, f"{name}_ms").cast("double") / 1000
    else:
        seconds = _field(source, f"{name}_s").cast("double")
    return F.when(seconds < F.lit(float("inf")), seconds)  # NaN is beyond it, and both are no length of time


def _time(value: Column, time_format: str) -> Column:
    from pyspark.sql import functions as F

    if time_format == "iso":
        time = value.cast("timestamp")
    else:
        micros = value.cast("double") * (1_000_000 // EPOCHS_PER_S[time_format])
        time = F.timestamp_micros(micros.cast("long"))
    return F.when(time.between(F.lit("2000-01-01").cast("timestamp"), F.lit("2100-01-01").cast("timestamp")), time)


def _readable() -> Column:
    """Whether a line is one JSON object. Spark stops reading at its end, and would lose what follows: another record,
    where a writer's line break is missing. As an array of one, the whole line is read; few lines need a second look.
    """
    from pyspark.sql import functions as F

    goes_on = F.col("value").rlike(r"\}\s*[^\s,}\]]")
    alone = F.from_json(F.concat(F.lit("["), "value", F.lit("]")), "array<string>").isNotNull()
    one = F.col("r").isNotNull() & F.col("r._corrupt").isNull() & F.col("value").rlike(r"^\s*\{")
    return one & F.when(goes_on, alone).otherwise(F.lit(True))


def _is_utf8() -> Column:
    from pyspark.sql import functions as F

    return F.decode(F.col("value").cast("binary"), "UTF-8") == F.col("value")


def _verbatim() -> Column:
    from pyspark.sql import functions as F

    coded = F.regexp_replace(F.base64(F.col("value").cast("binary")), "\\s", "")  # some Sparks break lines in it
    escaped = F.concat(F.lit("base64:"), coded)
    return F.when(_is_utf8(), F.col("value")).otherwise(escaped)  # nothing of a broken line is lost


def _file_day(source: Source) -> Column:
    """The day of the file's address; without day parts the record's own, "" where it has none."""
    from pyspark.sql import functions as F

    day = F.lit(None).cast("string")
    for shape in [template(uri) for uri in source.uris]:
        path = F.regexp_replace("file", "^[a-z0-9]+:/*", "/")
        group = {part: F.regexp_extract(path, f"^{shape.pattern}$", n + 1) for n, part in enumerate(shape.parts)}
        if shape.dated:
            joined = group["date"] if "date" in group else F.concat_ws("-", group["yyyy"], group["mm"], group["dd"])
            day = F.coalesce(day, F.when(joined.rlike(r"^\d{4}-\d{2}-\d{2}$"), joined))
    return F.coalesce(day, F.date_format("ts", "yyyy-MM-dd"), F.lit(""))


def _fate(source: Source) -> Column:
    from pyspark.sql import functions as F

    c, missing = F.col, F.lit(None).cast("string")
    event, search = c("kind") == "event", c("kind") == "search"
    needs = [
        ("user", F.lit(True)), ("item", event | (c("kind") == "play")), ("query", search),
        ("search_id", search | (event & (c("action") != "save"))), ("position", c("action") == "impression"),
    ]  # fmt: skip
    for name, wanted in reversed(needs):
        missing = F.when(wanted & c(name).isNull(), f"rejected:missing {name}").otherwise(missing)
    return (
        F.when(c("opted_out") & c("user").isNull(), "dropped:opted out")
        .when(c("opted_out"), None)  # before everything: nothing of it may be written; its user's day follows
        .when(c("internal"), "dropped:internal")
        .when(~_is_utf8(), "rejected:not UTF-8")
        .when(~c("readable"), "rejected:unreadable")
        .when(event & c("action").isNull(), "rejected:unknown action")
        .when(c("ts").isNull(), "rejected:bad or missing ts")
        .when(F.coalesce(c("seconds") < 0, F.lit(False)), "rejected:negative seconds")
        .when(missing.isNotNull(), missing)
        .when(search & (F.trim("query") == ""), "dropped:empty query")
        .when(c("ts") >= F.to_timestamp("file_day") + F.expr(f"interval {86400 + CLOCK_AHEAD_S} seconds"),
              "dropped:clock ahead")
        .when(c("ts") < F.to_timestamp("file_day") - F.expr("interval 1 day"), "dropped:too late")
    )  # fmt: skip


def _key() -> Column:
    """What makes a record the same as another of its user and kind."""
    from pyspark.sql import functions as F

    whole = F.concat_ws("|", "search_id", "action", "item", F.col("ts").cast("string"))
    return F.when(F.col("kind") == "search", F.col("search_id")).otherwise(F.coalesce("play_id", whole))
