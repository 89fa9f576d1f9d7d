"""Rankings as plain files, also such as Reprise did not make: TREC's qrels and runs, evaluated and compared.

    qrels: query 0 item grade             run: query Q0 item rank score tag

Order is by score, as in trec_eval; the written rank is not looked at. Every judged item counts among what there was,
retrieved or not; a judged query that a run does not answer is one without retrieved items.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reprise.errors import MissingDataError, UsageError
from reprise.metrics.coverage import Judged
from reprise.metrics.means import Means, means
from reprise.metrics.names import metric_of_grades
from reprise.metrics.ranking import Codes, Empty, Floats
from reprise.metrics.significance import Comparison, compare
from reprise.metrics.unjudged import UNJUDGED_POLICIES, Unjudged, resolve_unjudged

_SHOWN = 3
_HIGHEST = 31
Pairs = dict[tuple[str, str], float]
Rows = tuple[Codes, Floats, Floats]


@dataclass(frozen=True)
class Line:
    """One metric of one run; ``beside_first`` compares it with the first run's, query by query."""

    metric: str
    run: str
    means: Means
    beside_first: Comparison | None = None


@dataclass(frozen=True)
class Evaluation:
    """All lines, metric by metric; ``judged_at_10`` is, by run, the share of the first ten places that is judged."""

    lines: list[Line]
    judged_at_10: dict[str, float]
    queries: int


def read_qrels(path: Path) -> Pairs:
    """Return (query, item) → grade, a whole number from 0 to 31; anything else is an error naming the lines."""
    found: Pairs = {}
    wrong: dict[str, list[str]] = {}
    for number, fields in _lines(path):
        if len(fields) != 4:
            wrong.setdefault("are not `query 0 item grade`", []).append(f"line {number}")
        elif not fields[3].lstrip("-").isdigit() or int(fields[3]) > _HIGHEST:
            wrong.setdefault(f"have no grade from 0 to {_HIGHEST}", []).append(f"line {number}: {fields[3]}")
        elif (fields[0], fields[2]) in found:
            wrong.setdefault("judge a pair again", []).append(f"line {number}: {fields[0]} {fields[2]}")
        else:
            found[fields[0], fields[2]] = float(max(int(fields[3]), 0))  # below 0 is spam to some, and not relevant
    _refuse(path, wrong)
    return found


def read_run(path: Path) -> Pairs:
    """Return (query, item) → score; a line that is none, or no finite number, is an error naming the lines."""
    found: Pairs = {}
    wrong: dict[str, list[str]] = {}
    for number, fields in _lines(path):
        score = _number(fields[4]) if len(fields) == 6 else None
        if len(fields) != 6:
            wrong.setdefault("are not `query Q0 item rank score tag`", []).append(f"line {number}")
        elif score is None or not np.isfinite(score):
            wrong.setdefault("have no score", []).append(f"line {number}: {fields[4]}")
        elif (fields[0], fields[2]) in found:
            wrong.setdefault("rank an item again", []).append(f"line {number}: {fields[0]} {fields[2]}")
        else:
            found[fields[0], fields[2]] = score
    _refuse(path, wrong)
    return found


def evaluate_files(
    qrels: Path, runs: Sequence[Path], names: Sequence[str], unjudged: Unjudged = "zero", empty: Empty = "drop"
) -> Evaluation:
    """Return every metric of every run over the judged queries; each counts once.

    Several runs are of the same queries, or it is an error that names those of one alone. Ranked items without a
    judgment are as ``unjudged`` says.
    """
    grades, scores = read_qrels(qrels), {path.name: read_run(path) for path in runs}
    if len(scores) < len(runs):
        raise UsageError("two runs have the same file name", "rename one: the table tells them apart by it")
    _same_queries(scores)
    queries = {query: code for code, query in enumerate(dict.fromkeys(query for query, _ in grades))}
    highest = int(max(grades.values()))
    rows = {run: _rows(queries, grades, found) for run, found in scores.items()}
    resolved = {run: _resolved(found, unjudged) for run, found in rows.items()}
    once = np.ones(len(queries))
    lines = []
    for name in names:
        metric = metric_of_grades(name, highest, empty)
        told = rows if isinstance(metric, Judged) else resolved  # resolved, every item would count as judged
        values = {run: metric.per_query(*found, len(queries)) for run, found in told.items()}
        first = next(iter(values.values()))
        for number, (run, per_query) in enumerate(values.items()):
            beside = compare(per_query, first, once, head_queries=0) if number else None
            lines.append(Line(metric.name, run, means(per_query, once), beside))
    return Evaluation(lines, {run: _judged_at_10(found, len(queries)) for run, found in rows.items()}, len(queries))


def values_of_runs(
    qrels: Path, runs: Mapping[str, Path], name: str
) -> tuple[list[str], dict[tuple[str, Unjudged], Floats]]:
    """Return the judged queries, and (run, unjudged policy) → a metric's values; NaN where nothing is relevant.

    The runs are of the same queries, or it is an error.
    """
    grades, scores = read_qrels(qrels), {run: read_run(path) for run, path in runs.items()}
    _same_queries(scores)
    queries = {query: code for code, query in enumerate(dict.fromkeys(query for query, _ in grades))}
    metric = metric_of_grades(name, int(max(grades.values())))
    rows = {run: _rows(queries, grades, found) for run, found in scores.items()}
    return list(queries), {
        (run, policy): metric.per_query(*_resolved(found, policy), len(queries))
        for run, found in rows.items()
        for policy in UNJUDGED_POLICIES
    }


def _rows(queries: dict[str, int], grades: Pairs, scores: Pairs) -> Rows:
    """Return query code, score (−∞ where not retrieved) and grade (NaN where unjudged) of every item there is."""
    pairs = [pair for pair in dict.fromkeys([*grades, *scores]) if pair[0] in queries]
    codes = np.array([queries[query] for query, _ in pairs], dtype=np.int64)
    ranks = np.array([scores.get(pair, -np.inf) for pair in pairs])
    return codes, ranks, np.array([grades.get(pair, np.nan) for pair in pairs])


def _resolved(rows: Rows, unjudged: Unjudged) -> Rows:
    codes, ranks, gains = rows
    keep, gains = resolve_unjudged(gains, unjudged, float(np.nanmean(gains)))
    return codes[keep], ranks[keep], gains[keep]


def _judged_at_10(rows: Rows, n_queries: int) -> float:
    """Return the share of the first ten places that is judged, the mean over queries with an answer."""
    shares = Judged(10).per_query(*rows, n_queries)
    answered = ~np.isnan(shares)
    return float(shares[answered].mean()) if answered.any() else 0.0


def _same_queries(scores: dict[str, Pairs]) -> None:
    asked = {run: {query for query, _ in found} for run, found in scores.items()}
    everywhere = set.intersection(*asked.values())
    for run, mine in asked.items():
        if alone := sorted(mine - everywhere):
            raise UsageError(
                f"{len(alone)} queries of {run} are not in every run, as {', '.join(alone[:_SHOWN])}",
                "compare runs of the same queries",
            )


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield number and fields of each line that has any, one at a time: a run may have millions."""
    if not path.is_file():
        raise MissingDataError(f"there is no file {path}", "correct the path")
    empty = True
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if fields := line.split():
                    empty = False
                    yield number, fields
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name} is no UTF-8 text", "give a text file") from error
    if empty:
        raise MissingDataError(f"{path.name} holds nothing", "correct the path")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _refuse(path: Path, wrong: dict[str, list[str]]) -> None:
    for what, where in wrong.items():
        shown = ", ".join(where[:_SHOWN])
        raise UsageError(f"{path.name}: {len(where)} lines {what}, as {shown}", "correct them, or take them out")
