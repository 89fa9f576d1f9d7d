"""Is the answer the same whatever the logs leave open?"""

from __future__ import annotations

from reprise.gate.checks.check import Check, points
from reprise.gate.paired import DECIDING_THETA, DECIDING_UNJUDGED, Paired
from reprise.metrics import UNJUDGED_POLICIES


def robust_to_position_bias(test: Paired, candidate: str, champion: str, may_lose: float | None = None) -> Check:
    """Asked only where θ could not be measured: the sign must hold under no bias, the assumed curve and a steeper.

    ``may_lose``: of one that has to be no worse, by how much it may be below what serves instead.
    """
    differences = {t: test.difference(candidate, champion, t, DECIDING_UNJUDGED) for t in ("one", "assumed", "steep")}
    return _same_sign(
        "robust_to_position_bias",
        "Position bias could not be measured: is the answer the same whatever it is?",
        test.difference(candidate, champion, DECIDING_THETA, DECIDING_UNJUDGED),
        differences,
        may_lose,
    )


def robust_to_unjudged(test: Paired, candidate: str, champion: str, may_lose: float | None = None) -> Check:
    """The sign must be the same whether unjudged items are left out, count nothing or count as average.

    ``may_lose``: of one that has to be no worse, by how much it may be below what serves instead.
    """
    differences = {str(u): test.difference(candidate, champion, DECIDING_THETA, u) for u in UNJUDGED_POLICIES}
    question = "Is the answer the same whatever unjudged items are worth?"
    return _same_sign("robust_to_unjudged", question, differences[DECIDING_UNJUDGED], differences, may_lose)


def _same_sign(
    name: str, question: str, decided: float, differences: dict[str, float], may_lose: float | None
) -> Check:
    """Signs agree where none is the other's opposite: an order that changes nothing is the same in every reading."""
    if may_lose is None:
        agree = all(d == decided or d * decided > 0 for d in differences.values())
    else:
        agree = all(d > -may_lose for d in differences.values())
    listed = ", ".join(f"{kind.replace('_', ' ')} {points(d)}" for kind, d in differences.items())
    return Check(
        name,
        question,
        "pass" if agree else "inconclusive",
        f"{'yes' if agree else 'signs disagree' if may_lose is None else 'not in every reading'}: {listed}",
        differences,
        effect=decided,
        lower=min(differences.values()),
        upper=max(differences.values()),
        threshold=-may_lose if may_lose is not None else 0.0,
    )
