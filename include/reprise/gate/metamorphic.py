"""Are searches that mean the same answered the same? Asked of the real Solr, of what a candidate answers there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reprise.gate.checks import Check
from reprise.settings.golden import Golden

_QUESTIONS = {
    "spelling": "Do capitals and blanks change nothing?",
    "depth": "Does reranking leave the rest as it was?",
}


class Asked(Protocol):
    """One relation as the release room found it."""

    @property
    def name(self) -> str:
        """Which relation."""

    @property
    def asked(self) -> int:
        """How many searches it was asked of."""

    @property
    def broken(self) -> int:
        """How many break it."""


def metamorphic_checks(found: Sequence[Asked], settings: Golden) -> list[Check]:
    """Return a check of each relation that could be asked; no text of a listener is in any of them."""
    return [_check(one, settings.max_broken_share) for one in found if one.asked]


def _check(one: Asked, most: float) -> Check:
    share = one.broken / one.asked
    return Check(
        f"metamorphic_{one.name}",
        _QUESTIONS[one.name],
        "pass" if share <= most else "fail",
        f"{one.broken} of {one.asked} frequent searches are answered otherwise (at most {most:.0%})",
        {"asked": one.asked, "broken": one.broken},
        effect=share,
        threshold=most,
    )
