"""Generated names: words of six languages, in Latin letters and their own script, with other spellings.

No list of real titles or people is used. The Indic scripts share one layout of letters (ISCII), so a word is a list
of syllables written from one table; sounds that a script lacks are written as the nearest it has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LANGUAGES = ("hi", "pa", "ta", "te", "bn", "en")
LANGUAGE_SHARES = (0.42, 0.14, 0.13, 0.11, 0.08, 0.12)
LANGUAGE_NAMES = {"hi": "hindi", "pa": "punjabi", "ta": "tamil", "te": "telugu", "bn": "bengali", "en": "english"}
MOODS = ("sad", "party", "romantic", "workout", "morning", "devotional", "chill", "wedding", "monsoon", "focus")

_BASES = {"hi": 0x900, "bn": 0x980, "pa": 0xA00, "ta": 0xB80, "te": 0xC00}
_CONSONANTS = {
    "k": 0x15, "g": 0x17, "ch": 0x1A, "j": 0x1C, "t": 0x24, "d": 0x26, "n": 0x28, "p": 0x2A,
    "b": 0x2C, "m": 0x2E, "y": 0x2F, "r": 0x30, "l": 0x32, "v": 0x35, "sh": 0x38, "s": 0x38, "h": 0x39,
}  # fmt: skip
_VOWELS = {"a": 0, "aa": 0x3E, "i": 0x3F, "ee": 0x40, "u": 0x41, "e": 0x47, "o": 0x4B}
_LACKS = {"ta": {"g": "k", "d": "t", "b": "p"}, "bn": {"v": "b"}}
_ONSETS = ("b", "br", "c", "d", "f", "fl", "g", "h", "l", "m", "n", "r", "s", "st", "t", "w")
_NUCLEI = ("a", "e", "i", "o", "u", "ea", "oo", "ai")
_CODAS = ("", "", "n", "l", "r", "s", "t", "nd", "ck", "m")
_SPELLINGS = (("aa", "a"), ("ee", "i"), ("v", "w"), ("sh", "s"), ("o", "oh"))


@dataclass(frozen=True)
class Word:
    """One word as written in Latin letters and in its own script (the same for English)."""

    latin: str
    script: str


def vocabulary(rng: np.random.Generator, language: str, size: int) -> list[Word]:
    """Return that many different words of a language."""
    words: dict[str, Word] = {}
    while len(words) < size:
        word = _english(rng) if language == "en" else _indic(rng, language)
        if len(word.latin) >= 3:
            words.setdefault(word.latin, word)
    return list(words.values())


def _english(rng: np.random.Generator) -> Word:
    parts = [str(rng.choice(_ONSETS)) + str(rng.choice(_NUCLEI)) for _ in range(int(rng.integers(1, 3)))]
    text = "".join(parts) + str(rng.choice(_CODAS))
    return Word(text, text)


def _indic(rng: np.random.Generator, language: str) -> Word:
    base, lacks = _BASES[language], _LACKS.get(language, {})
    latin = script = ""
    for _ in range(int(rng.integers(1, 4))):
        consonant, vowel = str(rng.choice(list(_CONSONANTS))), str(rng.choice(list(_VOWELS)))
        latin += consonant + vowel
        script += chr(base + _CONSONANTS[lacks.get(consonant, consonant)])
        script += chr(base + _VOWELS[vowel]) if _VOWELS[vowel] else ""
    return Word(latin, script)


def other_spelling(latin: str) -> str:
    """Return a usual other transliteration of a name (long vowels shortened, v as w, …), or the name itself."""
    spelled = latin
    for written, also in _SPELLINGS:
        if written in spelled:
            spelled = spelled.replace(written, also)
            break
    return spelled


def typo(rng: np.random.Generator, text: str) -> str:
    """Return the text with one slip of the finger: a letter dropped, doubled, or two exchanged."""
    if len(text) < 4:
        return text
    at = int(rng.integers(1, len(text) - 2))
    slip = int(rng.integers(3))
    if slip == 0:
        return text[:at] + text[at + 1 :]
    if slip == 1:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
