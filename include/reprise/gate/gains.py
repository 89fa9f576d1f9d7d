"""Which queries gain and lose most by a new order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.gate.paired import Paired
from reprise.gate.report import Moved

if TYPE_CHECKING:
    from reprise.plan import Plan

_SHOWN = 10


def moved(
    test: Paired, family: str, champion: str, texts: Mapping[str, str], hidden: str, shown: int = _SHOWN
) -> tuple[list[Moved], list[Moved]]:
    """Return the queries that gained and lost most, by traffic times difference; without a text they are ``hidden``."""
    ours, theirs = test.of(family), test.of(champion)
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    share = np.where(both, test.traffic, 0.0) / max(test.traffic[both].sum(), 1.0)
    weight = np.where(both, (ours - theirs) * share, 0.0)
    order = np.argsort(-weight, kind="stable")

    def told(n: int) -> Moved:
        text = texts.get(test.queries[n], hidden)
        return Moved(text, int(test.traffic[n]), float(ours[n]), float(theirs[n]), float(weight[n]))

    winners = [told(n) for n in order[:shown].tolist() if weight[n] > 0]
    losers = [told(n) for n in order[::-1][:shown].tolist() if weight[n] < 0]
    return winners, losers


def asked_groups(plan: Plan) -> list[dict[str, Any]]:
    """Return every query group searched in the test block, those without any consumption included."""
    wanted = ["block", "query_group", "query", "searches", "users"]
    rows = plan.open_lake().read("query_groups", plan.judgments_version, [plan.partition], wanted)
    names = {block.name for block in plan.block("test")}
    return [row for row in rows.to_pylist() if row["block"] in names]


def shown_texts(plan: Plan, groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the text of every query group that enough listeners searched."""
    least = plan.deployment.logs.privacy.min_users_per_query
    # A group of several test blocks is judged by the block that saw most of its listeners.
    return {group["query_group"]: group["query"] for group in groups if (group["users"] or 0) >= least}
