"""Do golden queries hold? Asked of the real Solr, of what a candidate answers there."""

from __future__ import annotations

from collections.abc import Sequence

from reprise.experts.golden import Held
from reprise.gate.checks import Check
from reprise.settings.golden import Golden

_SHOWN = 5


def golden_checks(held: Sequence[Held], settings: Golden) -> list[Check]:
    """Return a check of what must never break and one of what should hold; of a kind nobody recorded, none.

    A stale expectation, whose item the engine does not find, counts for neither: no ranking could hold it.
    """
    kinds = (
        ("golden_never_break", "Does what must never break hold?", "never_break", 1.0),
        ("golden_should_hold", "Do golden queries hold?", "should_hold", settings.should_hold_share),
    )
    return [
        _check(name, question, [one for one in held if one.expectation.strength == strength], needed)
        for name, question, strength, needed in kinds
        if any(one.expectation.strength == strength for one in held)
    ]


def _check(name: str, question: str, held: Sequence[Held], needed: float) -> Check:
    asked = [one for one in held if one.outcome != "stale"]
    broken = [one for one in asked if one.outcome == "broken"]
    stale = len(held) - len(asked)
    share = 1 - len(broken) / len(asked) if asked else 1.0
    told = [f"{len(asked) - len(broken)} of {len(asked)} hold"]
    told += [f"broken: {'; '.join(map(_told, broken[:_SHOWN]))}"] if broken else []
    told += [f"and {len(broken) - _SHOWN} more"] if len(broken) > _SHOWN else []
    told += [f"{stale} are stale: the engine does not find their item among what is reranked"] if stale else []
    return Check(
        name,
        question,
        # Of what must never break something has to be asked; elsewhere an item that is gone holds nobody up.
        "inconclusive" if not asked and needed == 1.0 else "pass" if share >= needed else "fail",
        "; ".join(told),
        {"asked": len(asked), "broken": len(broken), "stale": stale},
        effect=share,
        threshold=needed,
    )


def _told(one: Held) -> str:
    return f"{one.expectation.in_words}, but it is {'absent' if one.rank is None else f'number {one.rank}'}"
