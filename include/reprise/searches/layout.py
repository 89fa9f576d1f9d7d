"""Which parts of addresses are the parts of a day: ``dt=2026-11-01/`` was written for ``dt={date}/``.

An address is looked at folder by folder. A part is proposed only where every file listed has it, and the address with
its parts must still name every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest

from reprise.searches.addresses import bare, template

_YEAR, _MONTH, _DAY, _HOUR = r"20\d\d", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])", r"(?:[01]\d|2[0-3])"
_FOLDERS = tuple(
    (part, re.compile(rf"((?:(?:{names})=)?){digits}"))
    for part, names, digits in (
        ("yyyy", "year|yyyy|y", _YEAR), ("mm", "month|mm|m", _MONTH), ("dd", "day|dd|d", _DAY),
        ("hh", "hour|hh|h", _HOUR),
    )
)  # fmt: skip
_WITHIN = (  # a day within one name: the first that all names have
    (re.compile(rf"(?<!\d){_YEAR}-{_MONTH}-{_DAY}(?!\d)"), "{date}"),
    (re.compile(rf"(?<!\d){_YEAR}{_MONTH}{_DAY}{_HOUR}(?!\d)"), "{yyyy}{mm}{dd}{hh}"),
    (re.compile(rf"(?<!\d){_YEAR}{_MONTH}{_DAY}(?!\d)"), "{yyyy}{mm}{dd}"),
    (re.compile(r"(?<!\d)1\d{12}(?!\d)"), "{epoch_ms}"),
    (re.compile(r"(?<!\d)1\d{9}(?!\d)"), "{epoch_s}"),
)


def with_day_parts(uri: str, addresses: Sequence[str]) -> str:
    """Return the address with the parts of a day that all these addresses have, or as it is where they have none.

    A local path is returned absolute: the draft is read elsewhere.
    """
    shape = template(uri)
    scheme = shape.uri.partition("://")[0] if "://" in shape.uri else "file"
    root = "/" if scheme == "file" else f"{scheme}://"
    listed = [bare(address).strip("/").split("/") for address in addresses]
    if shape.dated or not listed or len({len(parts) for parts in listed}) > 1:
        return shape.uri
    columns = [list(column) for column in zip(*listed, strict=True)]
    globs = _aligned(bare(shape.uri).strip("/").split("/"), columns)
    if globs is None:
        return shape.uri
    proposed = root + "/".join(_proposed(globs, columns))
    dated = template(proposed)
    return proposed if dated.dated and all(dated.day(address) for address in addresses) else shape.uri


def _aligned(globs: list[str], columns: list[list[str]]) -> list[str] | None:
    """Return one glob per folder, and what ``**`` stands for in its place; None where that cannot be said."""
    if "**" in globs:
        at, more = globs.index("**"), len(columns) - len(globs) + 1
        inner = [names[0] if len(set(names)) == 1 and names is not columns[-1] else "*" for names in columns]
        globs = globs[:at] + inner[at : at + max(more, 0)] + globs[at + 1 :]
    return globs if len(globs) == len(columns) and not any("**" in glob for glob in globs) else None


def _proposed(globs: list[str], columns: list[list[str]]) -> list[str]:
    proposed = list(globs)
    for at in range(len(globs)):
        run = [_folder(part, column) for (part, _), column in zip(_FOLDERS, columns[at:], strict=False)]
        if len(run) >= 3 and all(run[:3]):
            whole = run[: 4 if all(run) else 3]
            proposed[at : at + len(whole)] = [found or "" for found in whole]
            return proposed
        for pattern, token in _WITHIN:
            if all(pattern.search(name) for name in columns[at]):
                proposed[at] = _one_name([pattern.sub("\0", name, 1) for name in columns[at]], globs[at], token)
                return _with_hours(proposed, columns, at + 1)
    return proposed


def _with_hours(proposed: list[str], columns: list[list[str]], at: int) -> list[str]:
    if at < len(proposed) - 1 and (hours := _folder("hh", columns[at])):
        proposed[at] = hours
    return proposed


def _folder(part: str, names: list[str]) -> str | None:
    """Return a folder of this part of a day, ``month={mm}``, where all of these are one."""
    found = [dict(_FOLDERS)[part].fullmatch(name) for name in names]
    labels = {match[1] for match in found if match}
    return f"{labels.pop()}{{{part}}}" if all(found) and len(labels) == 1 else None


def _one_name(names: list[str], glob: str, token: str) -> str:
    """Return one glob of names whose day is marked NUL: what they share, and ``*`` for what they do not."""
    sides = [name.split("\0") for name in names]
    before, after = ([side[number] for side in sides] for number in (0, 1))
    wild = bool(set(glob) & set("*?"))
    return f"{_shared(before, wild)}{token}{_shared(after, wild)}"


def _shared(texts: list[str], wild: bool) -> str:
    first = texts[0]
    if len(set(texts)) == 1:
        # Where the address was a glob, a number here is one of many, though only one may be there yet.
        return re.sub(r"\d+", "*", first) if wild else first
    start = _common(texts)
    end = _common([text[len(start) :][::-1] for text in texts])[::-1]
    return re.sub(r"\d+$", "", start) + "*" + re.sub(r"^\d+", "", end)


def _common(texts: list[str]) -> str:
    same = ""
    for letters in zip_longest(*texts):
        if len(set(letters)) > 1:
            break
        same += letters[0] or ""
    return same
