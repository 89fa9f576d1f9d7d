"""Expert grades as data: 0 (not what was meant) to 4 (exactly that), by grader, each with its day and reason.

    query,item,grade,grader,graded_at,comment          CSV; the last two may be left out
    query 0 item grade                                 TREC qrels; who graded is said beside it

A query's spellings share its grades, as they share its judgments (see `reprise.judgments.fold`). Every query is, for
ever, either for teaching or for testing: what taught a model never measures it.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Literal

from reprise.errors import MissingDataError, UsageError
from reprise.judgments.fold import fold

HIGHEST = 4
_SHOWN = 3
_COLUMNS = ("query", "item", "grade", "grader", "graded_at", "comment")
_REQUIRED = _COLUMNS[:4]
Purpose = Literal["teach", "test"]


@dataclass(frozen=True)
class Grade:
    """One grader's word on one item for one query; ``graded_at`` is an ISO date."""

    query: str
    item: str
    grade: int
    grader: str
    graded_at: str = ""
    comment: str = ""

    @property
    def query_group(self) -> str:
        """The key that spellings of the query share."""
        return fold(self.query)

    @property
    def purpose(self) -> Purpose:
        """What the query's grades are for; half of all queries each, by a hash of the group."""
        return "test" if hashlib.sha256(self.query_group.encode()).digest()[0] & 1 else "teach"


def read_csv(path: Path) -> list[Grade]:
    """Return the grades of a CSV file; every kind of mistake is an error naming the first lines and the count."""
    text = _text(path)
    reader = csv.DictReader(io.StringIO(text))
    header = reader.fieldnames or []
    lacking = [name for name in _REQUIRED if name not in header]
    if lacking or (unknown := [name for name in header if name not in _COLUMNS]):
        raise UsageError(
            f"{path.name}: its columns are {', '.join(header) or 'none'}"
            + (f"; {', '.join(lacking)} missing" if lacking else f"; {', '.join(unknown)} unknown"),
            f"begin with the line {','.join(_COLUMNS)}",
        )
    return _checked(path, ((reader.line_num, {k: (v or "").strip() for k, v in row.items() if k}) for row in reader))


def read_qrels(path: Path, grader: str) -> list[Grade]:
    """Return the grades of a TREC qrels file, whose fields hold no spaces: underscores in a query stand for them."""
    rows: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        parts = line.split()
        if parts and len(parts) != len(_REQUIRED):
            raise UsageError(f"{path.name}, line {number} is not `query 0 item grade`", "correct it")
        if parts:
            query = parts[0].replace("_", " ")
            rows.append((number, {"query": query, "item": parts[2], "grade": parts[3], "grader": grader}))
    return _checked(path, rows)


def to_csv(grades: Iterable[Grade]) -> str:
    """Return grades as a CSV file that ``read_csv`` reads."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(astuple(grade) for grade in grades)
    return out.getvalue()


def to_qrels(grades: Iterable[Grade]) -> str:
    """Return TREC qrels: of each pair the graders' median, the lower of two middle ones; spaces become underscores."""
    by_pair: dict[tuple[str, str], list[int]] = {}
    for grade in grades:
        by_pair.setdefault(("_".join(grade.query.split()), grade.item), []).append(grade.grade)
    lines = [f"{query} 0 {item} {median(given)}" for (query, item), given in sorted(by_pair.items())]
    return "".join(f"{line}\n" for line in lines)


def median(given: Sequence[int]) -> int:
    """Return the middle grade, the lower of two: a grade is an order, and what is between two is none."""
    return sorted(given)[(len(given) - 1) // 2]


def newest(grades: Iterable[Grade]) -> list[Grade]:
    """Return each grader's last word on each (query group, item); of one day's, the one that comes later."""
    found: dict[tuple[str, str, str], Grade] = {}
    for grade in grades:
        key = (grade.grader, grade.query_group, grade.item)
        if key not in found or grade.graded_at >= found[key].graded_at:
            found[key] = grade
    return list(found.values())


def _checked(path: Path, rows: Iterable[tuple[int, dict[str, str]]]) -> list[Grade]:
    found: list[Grade] = []
    wrong: dict[str, list[str]] = {}
    seen: dict[tuple[str, str, str, str], int] = {}
    for number, row in rows:
        mistake, shown = _mistake(row)
        if mistake:
            wrong.setdefault(mistake, []).append(f"line {number}{shown}")
            continue
        row = {field.name: row[field.name] for field in fields(Grade) if field.name in row}
        grade = Grade(**{**row, "grade": int(row["grade"])})  # type: ignore[arg-type]
        key = (grade.grader, grade.query_group, grade.item, grade.graded_at)
        if key in seen:
            wrong.setdefault("grade a pair again", []).append(f"line {number} (as line {seen[key]})")
        seen[key] = number
        found.append(grade)
    if wrong:
        told = "; ".join(
            f"{len(where)} lines {what}, as {', '.join(where[:_SHOWN])}" for what, where in sorted(wrong.items())
        )
        raise UsageError(f"{path.name}: {told}", "correct them, or take them out; nothing was imported")
    if not found:
        raise MissingDataError(f"{path.name} holds no grade", "correct the path")
    return found


def _mistake(row: dict[str, str]) -> tuple[str, str]:
    """Return what is wrong with a row, and what of it to show; empty if nothing is."""
    empty = [name for name in _REQUIRED if not row.get(name)]
    if empty:
        return f"have no {empty[0]}", ""
    grade = row["grade"]
    if not grade.isdigit() or int(grade) > HIGHEST:
        return f"have no grade from 0 to {HIGHEST}", f": {grade}"
    if day := row.get("graded_at"):
        try:
            date.fromisoformat(day)
        except ValueError:
            return "have no day such as 2026-09-28 in graded_at", f": {day}"
    return "", ""


def _text(path: Path) -> str:
    if not path.is_file():
        raise MissingDataError(f"there is no file {path}", "correct the path")
    return path.read_text(encoding="utf-8-sig")
