"""Expert grades as evidence: each teaches like some looks of listeners who got what the grade is worth.

Only grades that teach, only in blocks to learn and to choose from: the test block's labels are its own days' alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprise.experts.grades import Grade, median
from reprise.searches.text import normalise

if TYPE_CHECKING:
    from reprise.plan import Block
    from reprise.settings.gate import Judging


@dataclass(frozen=True)
class Taught:
    """What the experts add to a judgment: ``looks`` at an item that brought ``utility`` in all."""

    block: str
    query_group: str
    item: str
    looks: float
    utility: float
    squares: float
    graders: int


def group_of(grade: Grade, apart: Mapping[str, str]) -> str:
    """Return the grade's query group; ``apart`` maps spellings that are queries by themselves to theirs."""
    return apart.get(normalise(grade.query) or "", grade.query_group)


def taught(
    grades: Iterable[Grade], blocks: Iterable[Block], apart: Mapping[str, str], settings: Judging
) -> list[Taught]:
    """Return a row per block and graded pair, of the graders' median; none where ``expert_looks`` is 0."""
    by_pair: dict[tuple[str, str], list[int]] = {}
    for grade in grades:
        if grade.purpose == "teach":
            by_pair.setdefault((group_of(grade, apart), grade.item), []).append(grade.grade)
    looks = settings.expert_looks
    if not looks:
        return []
    return [
        Taught(block.name, group, item, looks, looks * worth, looks * worth**2, len(given))
        for block in blocks
        if block.role != "test"
        for (group, item), given in sorted(by_pair.items())
        for worth in [settings.expert_worth[median(given)]]
    ]
