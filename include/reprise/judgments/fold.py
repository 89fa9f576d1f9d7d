"""Which spellings are one query."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

#: Raised when `fold` changes; every manifest of judgments carries it.
FOLD_VERSION = 1

#: Accents of Latin, Greek and Cyrillic. Other scripts' marks are vowels: Hindi दिल without them is another word.
_DIACRITICS = range(0x0300, 0x0370)


@lru_cache(maxsize=1 << 16)  # a query has many rows, near one another
def fold(q: str) -> str:
    """Return the key that spellings of one query share: no case, diacritics, punctuation or spaces.

    A query made of nothing else is its own key. Transliterations are not pooled.
    """
    kept = [
        c
        for c in unicodedata.normalize("NFKD", q.casefold())
        if ord(c) not in _DIACRITICS and unicodedata.category(c)[0] not in "PZC"
    ]
    return unicodedata.normalize("NFC", "".join(kept)) or q
