"""Where experts and logs say different things of the same pair, the most searched first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprise.experts.grades import Grade, median
from reprise.experts.merge import group_of

if TYPE_CHECKING:
    from reprise.plan import Plan


@dataclass(frozen=True)
class Disagreement:
    """One pair: the experts' median grade beside the logs' own, and how often the query was searched."""

    query: str
    item: str
    experts: int
    graders: int
    logs: int
    g: float
    searches: int


@dataclass(frozen=True)
class Comparison:
    """``differ`` holds pairs at least ``apart`` grades apart, by searches times gap."""

    shared: int  # pairs that both have judged
    alike: int  # of those, with the same grade
    differ: list[Disagreement]


def disagreements(plan: Plan, grades: Iterable[Grade], apart: int = 2) -> Comparison:
    """Return where the grades are far from those of the run's test block (θ as measured).

    Of a query too few listeners searched, nothing is shown.
    """
    lake, block = plan.open_lake(), plan.block("test")[0].name
    fewest = plan.deployment.logs.privacy.min_users_per_query
    groups = {
        row["query_group"]: row
        for row in lake.read("query_groups", plan.judgments_version, [plan.partition]).to_pylist()
        if row["block"] == block and (row["users"] or 0) >= fewest
    }
    decided = lake.read("query_variants", plan.judgments_version, [plan.partition]).to_pylist()
    by_itself = {row["q"]: row["query_group"] for row in decided if not row["pooled"]}
    by_pair: dict[tuple[str, str], list[int]] = {}
    for grade in grades:
        by_pair.setdefault((group_of(grade, by_itself), grade.item), []).append(grade.grade)
    shared = alike = 0
    found = []
    for row in lake.read("judgments", plan.judgments_version, [plan.partition]).to_pylist():
        given = by_pair.get((row["query_group"], row["item"]))
        if row["block"] != block or row["theta_variant"] != "measured" or not given:
            continue
        expert, group = median(given), groups.get(row["query_group"])
        shared, alike = shared + 1, alike + (expert == row["grade"])
        if group and abs(expert - row["grade"]) >= apart:
            found.append(
                Disagreement(group["query"], row["item"], expert, len(given), row["grade"], row["g"], group["searches"])
            )
    found.sort(key=lambda one: (-one.searches * abs(one.experts - one.logs), one.query, one.item))
    return Comparison(shared, alike, found)
