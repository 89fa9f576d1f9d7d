"""The one normalisation of query text before judgments: NFKC, case folded, single spaces."""

from __future__ import annotations

import unicodedata


def normalise(text: str | None) -> str | None:
    """Return ``q`` of a query as typed; None stays None."""
    return None if text is None else " ".join(unicodedata.normalize("NFKC", text).casefold().split())
