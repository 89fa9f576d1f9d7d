"""Which queries could be golden: those whose listeners, week after week, end up with one and the same item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprise.experts.golden import Expectation, load

if TYPE_CHECKING:
    from reprise.plan import Plan


@dataclass(frozen=True)
class Proposal:
    """A query and its item; ``share`` of all that its listeners consumed, over ``listeners`` in their best week."""

    expectation: Expectation
    share: float
    listeners: int


def propose(plan: Plan) -> list[Proposal]:
    """Return expectations that a run's judgments suggest and nobody has recorded, most listeners first.

    A query of too few listeners is never proposed: its text could say who asked.
    """
    golden, lake = plan.deployment.gate.golden, plan.open_lake()
    enough = max(golden.min_listeners, plan.deployment.logs.privacy.min_users_per_query)
    groups = lake.read("query_groups", plan.judgments_version, [plan.partition], ["query_group", "query", "users"])
    texts: dict[str, tuple[int, str]] = {}
    for row in groups.to_pylist():
        texts[row["query_group"]] = max(texts.get(row["query_group"], (0, "")), (row["users"] or 0, row["query"]))
    wanted = ["block", "theta_variant", "query_group", "item", "utility_sum"]
    consumed: dict[str, dict[str, float]] = {}
    weeks: dict[str, set[str]] = {}
    rows = lake.read("judgments", plan.judgments_version, [plan.partition], wanted).to_pylist()
    variant = min((row["theta_variant"] for row in rows), default="")  # utility is the same under each
    for row in rows:
        if row["theta_variant"] != variant:
            continue
        of_group = consumed.setdefault(row["query_group"], {})
        of_group[row["item"]] = of_group.get(row["item"], 0.0) + (row["utility_sum"] or 0.0)
        weeks.setdefault(row["query_group"], set()).add(row["block"])
    known = {(one.key[0], one.item) for one in load(lake)}
    found = []
    for group, items in consumed.items():
        listeners, text = texts.get(group, (0, ""))
        item, most = max(items.items(), key=lambda pair: (pair[1], pair[0]))
        share = most / total if (total := sum(items.values())) > 0 else 0.0
        expectation = Expectation(text, item, "first", "should_hold", why=f"{share:.0%} of what is consumed")
        clear = share >= golden.navigational_share and len(weeks[group]) >= golden.min_blocks
        if text and clear and listeners >= enough and (expectation.key[0], item) not in known:
            found.append(Proposal(expectation, share, listeners))
    return sorted(found, key=lambda one: (-one.listeners, one.expectation.query))
