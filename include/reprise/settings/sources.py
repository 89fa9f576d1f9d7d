"""One source in ``logs.yaml``: where its files are, how their bytes become records, what its fields mean."""

from __future__ import annotations

import difflib
import re
import zoneinfo
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from reprise.settings.base import Strict

#: Our names of what a record may say, by kind of source. `session` is mapped for people who read the file.
FIELDS = {
    "search": (
        "search_id", "user", "session", "ts", "query", "results", "action", "item", "position", "surface", "scope",
        "language", "ranker", "swapped", "shown_ms", "optout",
    ),
    "play": (
        "play_id", "user", "session", "ts", "item", "from_item", "listened_ms", "listened_s", "duration_ms",
        "duration_s", "autoplay", "optout",
    ),
}  # fmt: skip
NEEDED = {"search": ("user", "ts", "query", "search_id"), "play": ("user", "ts", "item")}
#: What makes a record this one and no other: never the same for all, so no default can stand for it.
IDENTITY = ("search_id", "play_id", "user", "session", "ts", "query", "results", "item")
TOKENS = ("date", "yyyy", "mm", "dd", "hh", "epoch_s", "epoch_ms")


def _text(value: Any) -> Any:
    """YAML reads ``true`` and ``0`` as what they look like; in a record they are text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]
Conditions = dict[str, list[Text]]


class Source(Strict):
    """One kind of raw record in one set of files; a field is a dotted path into the record."""

    name: str
    kind: Literal["search", "play"]
    uris: list[str] = Field(min_length=1, description="globs, also over buckets; {date} and others are the day's parts")
    format: Literal["jsonl", "bulk", "csv", "parquet"] = Field(
        "jsonl", description="bulk: a bulk file of action + document"
    )
    delimiter: str = Field(",", pattern=r'^[^"\r\n]$', description="csv: one character")
    columns: list[str] = Field(default_factory=list, description="csv: the columns of files that have no header line")
    list_separator: str = Field("", description="what joins a list that is logged as text; csv: | unless it is JSON")
    position_base: Literal[0, 1] = 1
    time_format: Literal["auto", "iso", "epoch_s", "epoch_ms", "epoch_us"] = "iso"
    time_zone: str = Field("UTC", description="IANA name; of ISO times without an offset, and of addresses' days")
    fields: dict[str, str] = Field(description="our field name → dotted path in the record")
    actions: dict[Text, Literal["impression", "click", "save"]] = Field(
        default_factory=dict, description="their action name → ours"
    )
    defaults: dict[str, Text] = Field(default_factory=dict, description="our field name → value where there is none")
    only_when: Conditions = Field(
        default_factory=dict, description="field or path → globs; other records are not this source's"
    )
    skip_when: Conditions = Field(
        default_factory=dict, description="field or path → globs of records that are not this source's"
    )
    drop_when: Conditions = Field(
        default_factory=dict, description="field or path → globs that mark internal or opted-out traffic"
    )

    def paths(self) -> dict[str, str]:
        """Return the name → path of everything that is read: fields, and paths that only conditions name."""
        return self.fields | {name: name for name in self._conditions() if name not in self.fields}

    def _conditions(self) -> list[str]:
        return [name for when in (self.only_when, self.skip_when, self.drop_when) for name in when]

    def mistakes(self) -> list[str]:
        """Return what no single value shows to be wrong, each as ``<key>: <what to do>``."""
        checks = (self._of_uris, self._of_format, self._of_zone, self._of_fields, self._of_paths, self._of_values)
        return [mistake for check in checks for mistake in check()]

    def _of_uris(self) -> Iterator[str]:
        for number, uri in enumerate(self.uris):
            tokens = set(re.findall(r"(?<!\$)\{([^{}]*)\}", uri))
            if unknown := sorted(tokens - set(TOKENS)):
                yield f"uris.{number}: {{{unknown[0]}}} is no part of a day; there are {_listed(TOKENS)}"
            parts = tokens & {"yyyy", "mm", "dd"}
            if 0 < len(parts) < 3 and not tokens & {"date", "epoch_s", "epoch_ms"}:
                yield f"uris.{number}: a day needs {{yyyy}}, {{mm}} and {{dd}}"
            scheme = uri.partition("://")[0] if "://" in uri else "file"
            if scheme not in ("s3", "s3a", "file"):
                yield f"uris.{number}: {scheme}:// cannot be read; name s3:// or a local path"

    def _of_format(self) -> Iterator[str]:
        if self.format != "csv":
            yield from (
                f"{name}: only csv has it; this is {self.format}"
                for name in ("delimiter", "columns")
                if name in self.model_fields_set and getattr(self, name) != type(self).model_fields[name].default
            )
            return
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        yield from (f"columns: {name!r} is there twice" for name in twice)
        for name, path in self.paths().items():
            if self.columns and path not in self.columns:
                yield f"fields.{name}: {path!r} is none of `columns`"

    def _of_zone(self) -> Iterator[str]:
        known = zoneinfo.available_timezones()
        if self.time_zone not in known:
            near = difflib.get_close_matches(self.time_zone, sorted(known), 3, 0.5) or ["Asia/Kolkata", "UTC"]
            yield f"time_zone: {self.time_zone!r} is no IANA time zone; {_listed(near, 'or')}?"

    def _of_fields(self) -> Iterator[str]:
        known = FIELDS[self.kind]
        yield from (f"fields.{name}: missing" for name in NEEDED[self.kind] if name not in self.fields)
        for name in self.fields:
            if name not in known and name not in self._conditions():
                near = difflib.get_close_matches(name, known, 1, 0.6)
                yield f"fields.{name}: not a field of ours; " + (
                    f"{near[0]}?" if near else f"there are {_listed(known)}"
                )
        for name in ("listened", "duration"):
            if {f"{name}_ms", f"{name}_s"} <= set(self.fields):
                yield f"fields.{name}_s: {name}_ms says the same; keep one"

    def _of_paths(self) -> Iterator[str]:
        paths = self.paths()
        for name, path in paths.items():
            keys = path.split(".")
            if not all(key.removesuffix("[]") for key in keys):
                yield f"fields.{name}: {path!r} has an empty part"
            if any(key.endswith("[]") for key in keys) and (name != "results" or self.format == "csv"):
                yield f"fields.{name}: only `results`, and not in csv, can lead through a list ([])"
            if self.format == "csv":
                continue
            inside = [other for other in paths.values() if re.match(re.escape(path) + r"(\[\])?\.", other)]
            if inside:
                yield f"fields.{name}: {path!r} is mapped whole, but {inside[0]!r} leads into it"
            if name != "results" and path.removesuffix("[]") == paths.get("results", "").removesuffix("[]"):
                yield f"fields.{name}: {path!r} is the list of `results`"

    def _of_values(self) -> Iterator[str]:
        yield from (
            f"defaults.{name}: each record needs its own"
            if name in IDENTITY
            else f"defaults.{name}: not a field of ours"
            for name in self.defaults
            if name in IDENTITY or name not in FIELDS[self.kind]
        )
        if self.kind == "play" and self.actions:
            yield "actions: plays have none"
        if self.actions and self.kind == "search" and "action" not in self.fields | self.defaults:
            yield "actions: map `action` in fields, or give it in defaults"
        for option in ("only_when", "skip_when", "drop_when"):
            yield from (
                f"{option}.{name}: name a value" for name, values in getattr(self, option).items() if not values
            )


def _listed(names: tuple[str, ...] | list[str], word: str = "and") -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else names[0]
