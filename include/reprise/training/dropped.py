"""Families that learned nothing: each drops out of its run with a sentence, and the others go on without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.errors import RepriseError

if TYPE_CHECKING:
    from reprise.plan import Plan


class NothingLearnedError(RepriseError):
    """A fit that scores all items alike, by these rows and settings."""


def key(plan: Plan, family: str) -> str:
    """Return where, within the lake, it is kept that a family of the run learned nothing, and why."""
    return f"candidates/v={plan.models_version}/{plan.partition}/{family}/dropped.json"


def dropped(plan: Plan) -> dict[str, str]:
    """Return the families of a run that learned nothing, each with its reason."""
    found = {family: plan.open_lake().get_json(key(plan, family)) for family in plan.families}
    return {family: str(one["reason"]) for family, one in found.items() if one}


def learned(plan: Plan) -> list[str]:
    """Return the run's families without those that dropped out; a run in which all did is an error."""
    out = dropped(plan)
    left = [family for family in plan.families if family not in out]
    if out and not left:
        raise NothingLearnedError(
            f"no family of run {plan.run} learned anything: {'; '.join(f'{name}: {out[name]}' for name in out)}",
            "correct their settings in gate.yaml and run the retrain again",
        )
    return left
