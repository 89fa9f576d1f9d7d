"""What a sample of raw records has at each dotted path: in how many, and of what make its values are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from typing import Any

from reprise.searches.by_hand import list_of_text, text_of
from reprise.searches.rules import EPOCHS_PER_S
from reprise.searches.sample import moment, real_number, whole_number

_DEEPEST = 8  # levels of objects; what lies below is no field of a log
_FEW, _SHORT = 30, 40
_RARE = 0.01
_YES, _NO = frozenset(("true", "1", "yes", "t", "y")), frozenset(("false", "0", "no", "f", "n"))
_SEPARATORS = ("|", ";", ",", "\t", " ")


@dataclass
class Profile:
    """The values that a sample has at one path. They are looked at and never shown, but for an action's few words."""

    path: str
    records: int = 0  # that have a value here
    texts: list[str] = field(default_factory=list)
    lists: list[list[str]] = field(default_factory=list)

    def add(self, value: Any) -> None:
        """Count one record's value; nothing, an empty text and an empty list are none."""
        if value is None or value in ("", []):
            return
        self.records += 1
        if isinstance(value, list):
            self.lists.append([text for text in map(text_of, value) if text])
        else:
            self.texts.append(text_of(value) or "")

    @property
    def listed(self) -> bool:
        """Whether the values are lists."""
        return len(self.lists) > len(self.texts)

    def share(self, holds: Iterable[bool]) -> float:
        """Return the share of all values for which something holds."""
        return sum(holds) / self.records if self.records else 0.0

    @cached_property
    def words(self) -> Counter[str]:
        """How often each text is there."""
        return Counter(self.texts)

    @property
    def few(self) -> bool:
        """Whether the values are a few short words, again and again."""
        if not self.words or self.listed or any(len(word) > _SHORT for word in self.words):
            return False
        return len(self.words) <= min(_FEW, max(3, len(self.texts) // 3))

    @cached_property
    def times(self) -> Counter[str]:
        """How many values are times of this century, by time format; each is one in a single format only."""
        formats = ("iso", *EPOCHS_PER_S)
        found = (next((name for name in formats if moment(text, name)), None) for text in self.texts)
        return Counter(name for name in found if name)

    @property
    def time_format(self) -> str:
        """The one that values have, or ``auto`` where they differ."""
        kinds = [name for name, n in self.times.most_common() if n > _RARE * self.times.total()]
        return kinds[0] if len(kinds) == 1 else "auto"

    @property
    def zoneless(self) -> bool:
        """Whether some ISO times say no offset."""
        bare = (re.fullmatch(r"\d{4}-\d\d-\d\d([ T][\d:.]+)?", text.strip()) for text in self.texts)
        return any(bare)

    @cached_property
    def whole(self) -> list[int]:
        """Those values that are whole numbers."""
        return [number for number in map(whole_number, self.texts) if number is not None]

    @cached_property
    def numbers(self) -> list[float]:
        """Those values that are numbers."""
        return [number for number in map(real_number, self.texts) if number is not None]

    @property
    def flags(self) -> float:
        """The share of values that say yes or no."""
        return self.share(text.lower() in _YES | _NO for text in self.texts)

    @property
    def yes(self) -> list[str]:
        """How the values say yes, in order; ``true`` where none does."""
        return sorted({text.lower() for text in self.texts} & _YES) or ["true"]

    @property
    def keys(self) -> float:
        """The share of values that could be a key: one word, and no time as people write it."""
        return self.share(not re.search(r"\s", text) for text in self.texts) if not self.times["iso"] else 0.0

    @property
    def typed(self) -> float:
        """The share of values that somebody could have typed: more letters than digits."""
        return self.share(len(re.findall(r"[^\W\d_]", text)) > len(re.findall(r"\d", text)) for text in self.texts)

    @property
    def unit(self) -> str:
        """``ms`` where these must be milliseconds of listening, else ``s``: nothing lasts an hour by its median."""
        some = [number for number in self.numbers if number > 0]
        return "ms" if some and median(some) >= 3_600 else "s"

    @property
    def separator(self) -> str:
        """What joins lists that are texts, ``[`` where they are JSON, or nothing."""
        if self.share(list_of_text(text, "|") is not None and text[:1] == "[" for text in self.texts) > 0.5:
            return "["
        seen = {mark: self.share(mark in text.strip() for text in self.texts) for mark in _SEPARATORS}
        best = max(_SEPARATORS, key=lambda mark: seen[mark])
        return best if seen[best] > 0.2 else ""

    @property
    def items(self) -> set[str]:
        """Every entry of every list."""
        mark = "" if self.lists else self.separator
        if not mark:
            return {one for some in self.lists for one in some}
        return {one for text in self.texts for one in list_of_text(text, mark if mark != "[" else "|") or () if one}


def profiles(records: Iterable[dict[str, Any]], *, flat: bool = False) -> dict[str, Profile]:
    """Return path → profile of every path that logs.yaml can name, in order of first sight; ``flat``: of a CSV."""
    found: dict[str, Profile] = {}
    for record in records:
        for path, value in record.items() if flat else _leaves(record):
            if value is not None and nameable(path):
                found.setdefault(path, Profile(path)).add(value)
    return {path: profile for path, profile in found.items() if profile.records}


def nameable(path: str) -> bool:
    """Whether a path can stand in logs.yaml as it is: printable, and no part of it empty."""
    return path.isprintable() and all(part.removesuffix("[]").strip() for part in path.split("."))


def _leaves(record: dict[str, Any], within: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if not isinstance(key, str) or "." in key or "[" in key:  # a path would lead elsewhere
            continue
        path = f"{within}{key}"
        if isinstance(value, dict):
            if depth < _DEEPEST:
                yield from _leaves(value, f"{path}.", depth + 1)
        elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
            yield from _entries(value, f"{path}[]")
        else:
            yield path, value


def _entries(value: list[Any], path: str) -> Iterator[tuple[str, Any]]:
    """Yield what a list of objects has under each plain key of theirs, as ``path[].key`` would give it."""
    if not all(one is None or isinstance(one, dict) for one in value):
        return
    for key in dict.fromkeys(key for one in value if one for key in one):
        inner = [one.get(key) if one else None for one in value]
        plain = isinstance(key, str) and "." not in key and "[" not in key
        if plain and not any(isinstance(one, dict | list) for one in inner):
            yield f"{path}.{key}", inner
