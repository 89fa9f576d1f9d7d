"""What a text says by itself, whatever item it is matched with: the values of *query* features.

Solr cannot compute them, so the application does, and sends each as a request parameter; training computes the same
from the same text. The text is first normalised: NFKC, case folded, words parted by single blanks.

| computes | value |
|---|---|
| characters | code points |
| words | pieces between blanks |
| last_word | code points of the last word: what a listener is still typing |
| script | share of the letters whose Unicode script is the one in `of` (UAX 24); 0 without letters |
| says | 1 where one of the words in `of` is a word of the text, else 0 |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reprise.searches.text import normalise


def query_value(computes: str, of: Sequence[str], text: str) -> float:
    """Return one value of the table above for a text as typed."""
    said = normalise(text) or ""
    words = said.split()
    if computes == "characters":
        return float(len(said))
    if computes == "words":
        return float(len(words))
    if computes == "last_word":
        return float(len(words[-1])) if words else 0.0
    if computes == "script":
        return _share_of_script(said, of[0])
    return float(any(normalise(word) in words for word in of))


def parameter_text(value: float) -> str:
    """Return a number as it is sent: the shortest text that gives Solr the same float32."""
    return np.format_float_positional(np.float32(value), trim="-")


def _share_of_script(text: str, script: str) -> float:
    from fontTools import unicodedata

    code = unicodedata.script_code(script)
    letters: list[Any] = [unicodedata.script(letter) for letter in text if letter.isalpha()]
    return letters.count(code) / len(letters) if letters else 0.0
