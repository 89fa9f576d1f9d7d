"""NDCG@10 and the bootstrap beside ir_measures and ranx, on the same queries.

ranx is no dependency of Reprise; where it is not installed its row is left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import ir_measures
import numpy as np

from reprise.metrics import Ndcg, compare
from reprise.plan import Plan
from reprise.sandbox.home import Home

QUERIES, ITEMS, REPEATS = 10_000, 100, 5


def measure(home: Home, plan: Plan) -> Iterator[str]:
    """Yield the table; what a library needs before it can count, its own objects, has a column of its own."""
    del home, plan
    rng = np.random.default_rng(0)
    queries = np.repeat(np.arange(QUERIES), ITEMS)
    scores, grades = rng.normal(size=len(queries)), rng.integers(0, 5, len(queries)) * (rng.random(len(queries)) < 0.3)
    ours, value = _timed(lambda: Ndcg(gain="linear").per_query(queries, scores, grades, QUERIES))
    rows = [("reprise", 0.0, ours, float(np.nanmean(value)))]
    rows += [_ir_measures(queries, scores, grades), *_ranx(queries, scores, grades)]
    yield f"{QUERIES:,} queries of {ITEMS} items; medians of {REPEATS}\n"
    yield "| NDCG@10, linear | building its input, s | seconds | beside reprise | value |"
    yield "|---|---|---|---|---|"
    for name, built, seconds, mean in rows:
        yield f"| {name} | {built:.2f} | {seconds:.3f} | {seconds / ours:.1f} | {mean:.4f} |"
    first, second, traffic = rng.random(QUERIES), rng.random(QUERIES), rng.pareto(1.2, QUERIES) + 1
    seconds, _ = _timed(lambda: compare(first, second, traffic, resamples=1000))
    yield f"\n1,000 resamples of {QUERIES:,} queries, bootstrap and randomisation test together: {seconds:.3f} s"


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    seconds, found = [], None
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - start)
    return median(seconds), found


def _ir_measures(queries: Any, scores: Any, grades: Any) -> tuple[str, float, float, float]:
    start = time.perf_counter()
    qrels: dict[str, dict[str, int]] = {}
    run: dict[str, dict[str, float]] = {}
    for n, (query, score, grade) in enumerate(zip(queries.tolist(), scores.tolist(), grades.tolist(), strict=True)):
        qrels.setdefault(str(query), {})[str(n)] = grade
        run.setdefault(str(query), {})[str(n)] = score
    evaluator = ir_measures.evaluator([ir_measures.nDCG @ 10], qrels)
    built = time.perf_counter() - start
    seconds, found = _timed(lambda: evaluator.calc_aggregate(run))
    return "ir_measures", built, seconds, float(next(iter(found.values())))


def _ranx(queries: Any, scores: Any, grades: Any) -> Iterator[tuple[str, float, float, float]]:
    try:
        from ranx import Qrels, Run, evaluate
    except ImportError:
        return
    start = time.perf_counter()
    judged: dict[str, dict[str, int]] = {}
    ranked: dict[str, dict[str, float]] = {}
    for n, (query, score, grade) in enumerate(zip(queries.tolist(), scores.tolist(), grades.tolist(), strict=True)):
        judged.setdefault(str(query), {})[str(n)] = grade
        ranked.setdefault(str(query), {})[str(n)] = score
    qrels, run = Qrels(judged), Run(ranked)
    evaluate(qrels, run, "ndcg@10")  # compiles
    built = time.perf_counter() - start
    seconds, found = _timed(lambda: evaluate(qrels, run, "ndcg@10"))
    yield "ranx", built, seconds, float(found)
