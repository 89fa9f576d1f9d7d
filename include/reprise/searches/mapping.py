"""Raw records of any source become records of one shape; what cannot be understood keeps its text and gets a reason.

A record has a ``fate``: null while it is in use, ``rejected:<reason>`` where it could not be understood,
``dropped:<reason>`` where it was understood and is left out on purpose. sample.py states the same rules in Python.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from reprise.searches.addresses import template
from reprise.searches.cells import cell
from reprise.searches.reading import Rows, rows
from reprise.searches.rules import (
    CLOCK_AHEAD_S,
    EPOCH_BOUNDS,
    EPOCHS_PER_S,
    FIRST_TIME,
    LAST_TIME,
    NUMBERS,
    TEXT,
    TRUNCATED,
    globs,
)
from reprise.settings import Source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession


def records(spark: SparkSession, source: Source, uris: Sequence[str], torn: Collection[str] = ()) -> DataFrame:
    """Return one row per raw record of these files, mapped, users as logged, and with a fate where it has one.

    ``torn`` are those of the files that Spark cannot read whole.
    """
    from pyspark.sql import functions as F

    raw = rows(spark, source, uris, torn)
    mapped = raw.frame.select("*", *_fields(source))
    dated = mapped.withColumn("address_day", _address_day(source))
    day = F.date_format("ts", "yyyy-MM-dd")
    file_day = F.coalesce("address_day", day, F.lit(""))
    late = F.coalesce(F.col("ts") < _begins(source), F.lit(False))
    judged = dated.withColumn("file_day", file_day).withColumn("fate", _fate(source)).withColumn("late", late)
    rejected = F.col("fate").startswith("rejected:")
    file = F.regexp_replace("file", "^s3a://", "s3://")
    return judged.select(
        F.lit(source.name).alias("source"), F.when(rejected, file).alias("file"),
        F.when(rejected, _verbatim(raw)).alias("raw"), raw.digest.alias("digest"), "fate", "file_day", "late",
        F.coalesce(day, "file_day").alias("day"), "kind", "user", "ts",
        *TEXT, "results", *NUMBERS, "seconds", "duration", "autoplay", "opted_out",
        _key().alias("key"),
    )  # fmt: skip


def _cell(source: Source, name: str) -> Column:
    """What a record has under one of our names, or for a path of a condition; null where nothing is mapped."""
    from pyspark.sql import functions as F

    if name not in source.paths():
        return F.lit(None).cast("array<string>" if name == "results" else "string")
    return F.col(cell(source, name))


def _text(source: Source, name: str) -> Column:
    """The record's own value, or the default; blanks are nothing."""
    from pyspark.sql import functions as F

    value = F.when(F.trim(_cell(source, name)) != "", _cell(source, name))
    default = source.defaults.get(name, "").strip(" ") and source.defaults[name]
    return F.coalesce(value, F.lit(default)) if default else value


def _fields(source: Source) -> list[Column]:
    from pyspark.sql import functions as F

    raw_action = _text(source, "action")
    actions = F.lit(None).cast("string")
    for theirs, ours in source.actions.items():
        actions = F.when(raw_action == theirs, ours).otherwise(actions)
    kind = F.lit("play") if source.kind == "play" else F.when(raw_action.isNull(), "search").otherwise("event")
    fields = {name: _text(source, name) for name in TEXT} | {"action": actions, "query": _cell(source, "query")}
    numbers = {name: _text(source, name).cast("int") for name in NUMBERS}
    numbers["position"] = numbers["position"] + (1 - source.position_base)
    left_out = _any(source, source.skip_when, source.skip_when)
    for name in source.only_when:
        left_out = left_out | ~_any(source, source.only_when, [name])
    return [
        kind.alias("kind"), _text(source, "user").alias("user"), _time(source).alias("ts"),
        *[column.alias(name) for name, column in (fields | numbers).items()], _cell(source, "results").alias("results"),
        _seconds(source, "listened").alias("seconds"), _seconds(source, "duration").alias("duration"),
        (F.lower(_text(source, "autoplay")).isin("true", "1")).alias("autoplay"),
        _any(source, source.drop_when, ["optout"]).alias("opted_out"),
        _any(source, source.drop_when, [name for name in source.drop_when if name != "optout"]).alias("internal"),
        left_out.alias("filtered"),
    ]  # fmt: skip


def _any(source: Source, conditions: Mapping[str, Sequence[str]], names: Iterable[str]) -> Column:
    """Whether any of these conditions holds: the value is one of its globs, in any case."""
    from pyspark.sql import functions as F

    found = F.lit(False)
    for name in names:
        value = F.lower(_text(source, name))
        plain, patterns = globs(conditions.get(name, ()))
        matches = [value.isin(plain)] * bool(plain) + [value.rlike(pattern) for pattern in patterns]
        found = reduce(lambda one, other: one | other, [F.coalesce(match, F.lit(False)) for match in matches], found)
    return found


def _seconds(source: Source, name: str) -> Column:
    from pyspark.sql import functions as F

    number = F.coalesce(
        *[_text(source, f"{name}_{unit}").cast("double") / per_s for unit, per_s in (("ms", 1000), ("s", 1))]
    )
    return F.when(number < F.lit(float("inf")), number)  # NaN is beyond it, and both are no length of time


def _time(source: Source) -> Column:
    from pyspark.sql import functions as F

    value, zone = _cell(source, "ts"), source.time_zone
    trimmed = F.trim(value)
    iso = value.cast("timestamp")
    if zone != "UTC":
        # The session's zone is UTC, so a time without an offset is on the source's own clock still.
        offset = F.substring(trimmed, 12, 99).rlike("[A-Za-z+-]")
        iso = F.when(offset, iso).otherwise(F.to_utc_timestamp(iso, zone))
    # Spark reads a year, or a time of today, as well; neither says when something happened.
    looks_iso = (F.substring(trimmed, 5, 1) == "-") & (F.substring(trimmed, 8, 1) == "-")
    number = value.cast("double")
    if source.time_format == "iso":
        time = F.when(looks_iso, iso)
    elif source.time_format == "auto":
        scaled = F.lit(None).cast("double")
        for bound, factor in reversed(EPOCH_BOUNDS):
            scaled = F.when(F.abs(number) < bound, number * factor).otherwise(scaled)
        time = F.when(looks_iso, iso).otherwise(F.timestamp_micros(scaled.cast("long")))
    else:
        micros = number * (1_000_000 // EPOCHS_PER_S[source.time_format])
        time = F.timestamp_micros(micros.cast("long"))
    return F.when(time.between(F.lit(FIRST_TIME).cast("timestamp"), F.lit(LAST_TIME).cast("timestamp")), time)


def _verbatim(raw: Rows) -> Column:
    from pyspark.sql import functions as F

    coded = F.regexp_replace(F.base64(raw.text.cast("binary")), "\\s", "")  # some Sparks break lines in it
    escaped = F.concat(F.lit("base64:"), coded)
    return F.when(F.col("utf8"), raw.text).otherwise(escaped)  # nothing of a broken line is lost


def _address_day(source: Source) -> Column:
    """The day that a file's address names, in the source's time zone; null where it names none."""
    from pyspark.sql import functions as F

    day = F.lit(None).cast("string")
    for shape in [template(uri) for uri in source.uris]:
        group = {part: f"${number + 1}" for number, part in enumerate(shape.parts)}
        if not shape.dated:
            continue
        named = group.get("date") or "-".join(group[part] for part in ("yyyy", "mm", "dd") if part in group)
        epoch = next((part for part in ("epoch_s", "epoch_ms") if not named and part in group), "")
        # One replacement of the whole address is the cheapest way to take its parts.
        found = F.regexp_replace("file", f"^(?:[a-z0-9]+:)?/*{shape.pattern}$", named or group[epoch])
        found = F.when(~found.contains("/"), found)
        if epoch:
            seconds = found.cast("double") / (1000 if epoch == "epoch_ms" else 1)
            local = F.from_utc_timestamp(F.timestamp_micros((seconds * 1_000_000).cast("long")), source.time_zone)
            found = F.date_format(local, "yyyy-MM-dd")
        day = F.coalesce(day, found)
    return day


def _begins(source: Source, days_later: int = 0) -> Column:
    """When the day that a file's address names begins, or one after it; null where it names none."""
    from pyspark.sql import functions as F

    local = F.col("address_day").cast("timestamp")
    if days_later:
        local = local + F.expr(f"interval {days_later} day")
    return local if source.time_zone == "UTC" else F.to_utc_timestamp(local, source.time_zone)


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
    begins, ends = _begins(source), _begins(source, days_later=1)
    return (
        F.when(c("opted_out") & c("user").isNull(), "dropped:opted out")
        .when(c("opted_out"), None)  # before everything: nothing of it may be written; its user's day follows
        .when(c("readable") & c("filtered"), "dropped:filtered")
        .when(c("readable") & c("internal"), "dropped:internal")
        .when(c("torn"), f"rejected:{TRUNCATED}")
        .when(~c("utf8"), "rejected:not UTF-8")
        .when(~c("readable"), "rejected:unreadable")
        .when(event & c("action").isNull(), "rejected:unknown action")
        .when(c("ts").isNull(), "rejected:bad or missing ts")
        .when(F.coalesce(c("seconds") < 0, F.lit(False)), "rejected:negative seconds")
        .when(missing.isNotNull(), missing)
        .when(search & (F.trim("query") == ""), "dropped:empty query")
        .when(c("ts") >= ends + F.expr(f"interval {CLOCK_AHEAD_S} seconds"), "dropped:clock ahead")
        .when(c("ts") < begins - F.expr("interval 1 day"), "dropped:too late")
    )  # fmt: skip


def _key() -> Column:
    """What makes a record the same as another of its user and kind."""
    from pyspark.sql import functions as F

    whole = F.concat_ws("|", "search_id", "action", "item", F.col("ts").cast("string"))
    return F.when(F.col("kind") == "search", F.col("search_id")).otherwise(F.coalesce("play_id", whole))
