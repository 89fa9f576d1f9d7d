"""Which of our fields a path may be: its name is one that such a field has elsewhere, and its values agree.

Neither is enough: a name says what somebody meant, values say what it became. Only times are so unlike anything else
that they need no name. Each path is used once; the best pair is taken first, and of equal ones the first by field and
path, so the same records give the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from reprise.searches.profiles import Profile
from reprise.searches.vocabulary import ITEM_KEYS, NAMES, Meaning, likeness, meaning, unit
from reprise.settings.sources import FIELDS

_AGREE = 0.8  # of a path's values; the rest may be dirt
_UNNAMED_TIME = 0.3
_UNLIKE_NUMBERS = ("iso", "epoch_ms", "epoch_us")  # seconds are as long as many a key
_COMMON, _ITEM_TOO = 0.1, 0.05  # what it adds to a score: a value in every record; values that are also in results
_DEEPEST_RANK = 10_000


@dataclass(frozen=True)
class Pair:
    """A field of ours and the path that it may be; ``records`` have a value there."""

    field: str
    path: str
    score: float
    records: int


def recognise(kind: str, seen: Mapping[str, Profile], mapped: Mapping[str, str] | None = None) -> dict[str, Pair]:
    """Return our field → its best pair, in the order of FIELDS, for a kind of source.

    ``mapped`` (field → path) stands already, and is not returned.
    """
    order = {name: number for number, name in enumerate(FIELDS[kind])}
    fields, used = {_span(name) for name in mapped or {}}, list((mapped or {}).values())
    shown = {item for profile in seen.values() if _score("results", profile) for item in profile.items}
    most = max((profile.records for profile in seen.values()), default=1)
    pairs = [
        pair
        for name in dict.fromkeys(map(_span, FIELDS[kind]))
        for profile in seen.values()
        if (pair := _pair(name, profile, most, shown))
    ]
    chosen: dict[str, Pair] = {}
    for pair in sorted(pairs, key=lambda one: (-one.score, order[one.field], one.path)):
        if _span(pair.field) not in fields and not any(_clash(pair.path, other) for other in used):
            chosen[pair.field] = pair
            fields.add(_span(pair.field))
            used.append(pair.path)
    return {name: chosen[name] for name in FIELDS[kind] if name in chosen}


def kind_of(seen: Mapping[str, Profile]) -> str:
    """Return ``play`` where the records have what only plays have and no text of a query, else ``search``."""
    return "play" if has_plays(seen) and "query" not in recognise("search", seen) else "search"


def has_plays(seen: Mapping[str, Profile]) -> bool:
    """Whether some of the records seem to be plays."""
    return not {"play_id", "listened_ms", "listened_s", "autoplay"}.isdisjoint(recognise("play", seen))


def actions(profile: Profile) -> dict[str, Meaning | None]:
    """Return their word → ours, or None where its meaning is not known; the most frequent first."""
    return {word: meaning(word) for word, _ in sorted(profile.words.items(), key=lambda one: (-one[1], one[0]))}


def _pair(name: str, profile: Profile, most: int, shown: set[str]) -> Pair | None:
    score = _score(name, profile)
    if not score:
        return None
    score += _COMMON * profile.records / most
    if name == "item" and shown:
        score += _ITEM_TOO * profile.share(text in shown for text in profile.texts)
    field = f"{name}_{unit(profile.path) or profile.unit}" if name in ("listened", "duration") else name
    return Pair(field, profile.path, score, profile.records)


def _score(name: str, profile: Profile) -> float:
    """Return how much a path's name looks like a field's, 0 where the values say otherwise."""
    head, through, tail = profile.path.partition("[].")
    if bool(profile.lists) and name != "results":
        return 0.0
    score = likeness(head, NAMES[name]) * (likeness(tail, ITEM_KEYS) if through else 1.0)
    if name == "ts" and not score and profile.time_format in _UNLIKE_NUMBERS:
        score = _UNNAMED_TIME
    return score if score and _VALUES[name](profile) else 0.0


def _clash(path: str, other: str) -> bool:
    """Whether two paths cannot both be mapped: they are the same, or one leads into the other."""
    one, two = path.replace("[]", ""), other.replace("[]", "")
    return one == two or one.startswith(f"{two}.") or two.startswith(f"{one}.")


def _span(field: str) -> str:
    """Return the field without its unit, where two of ours are one with a unit each."""
    base = field.rpartition("_")[0]
    return base if base in ("listened", "duration") else field


def _is_key(profile: Profile) -> bool:
    return profile.keys >= _AGREE > profile.flags


def _is_list(profile: Profile) -> bool:
    return profile.listed or (not profile.lists and not profile.times and bool(profile.separator))


def _is_count(profile: Profile) -> bool:
    return profile.share(0 <= number < _DEEPEST_RANK for number in profile.whole) >= _AGREE


def _is_span(profile: Profile) -> bool:
    return profile.share(number >= 0 for number in profile.numbers) >= _AGREE and not profile.times


def _is_ms(profile: Profile) -> bool:
    said = unit(profile.path)
    return _is_span(profile) and (said == "ms" or (not said and median(profile.numbers) >= 100))


def _is_flag(profile: Profile) -> bool:
    return profile.flags >= _AGREE


def _is_word(profile: Profile) -> bool:
    return profile.few and not profile.times


_VALUES: dict[str, Callable[[Profile], bool]] = {
    **dict.fromkeys(("search_id", "user", "session", "item", "play_id", "from_item"), _is_key),
    **dict.fromkeys(("surface", "scope", "language", "ranker"), _is_word),
    **dict.fromkeys(("position", "swapped"), _is_count),
    **dict.fromkeys(("optout", "autoplay"), _is_flag),
    **dict.fromkeys(("listened", "duration"), _is_span),
    "shown_ms": _is_ms,
    "ts": lambda profile: profile.times.total() >= _AGREE * profile.records,
    "query": lambda profile: profile.typed >= _AGREE and not profile.times["iso"],
    "results": _is_list,
    "action": lambda profile: _is_word(profile) and any(actions(profile).values()),
}
