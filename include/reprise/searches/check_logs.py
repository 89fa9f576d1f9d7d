"""``check_logs``: are the extracted days healthy enough to learn from? Reads daily counts only, without Spark.

A day fails with too many rejected records, too few searches, no play record while others have some, or a number
of records outside the window's band: between a third and three times the window's median.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any

from reprise.plan import Plan
from reprise.verdict import Verdict

#: A day's records of a source lie within median / BAND and median · BAND.
BAND = 3.0


def run(plan: Plan) -> Verdict:
    """Return yes where every day of the plan is healthy; no names each unhealthy day with its number."""
    lake, partitions = plan.open_lake(), [f"dt={day}" for day in plan.days]
    counts = lake.read("log_counts", plan.logs_version, partitions).to_pylist()
    searches = lake.partitions("searches", plan.logs_version)
    per_day = {day: searches[f"dt={day}"].rows_of("searches") if f"dt={day}" in searches else 0 for day in plan.days}
    records = _by_source(counts, plan.days)
    wrong = [*_rejected(plan, counts), *_too_few(plan, per_day), *_out_of_band(plan, records)]
    facts = {"searches": per_day, "records": records, "wrong": wrong}
    if wrong:
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        return Verdict(
            "no", "; ".join(wrong[:5]) + more, "mend the logs and run extract again, or change the bands in logs.yaml",
            facts,
        )  # fmt: skip
    total = sum(per_day.values())
    return Verdict("yes", f"{total:,} searches over {len(plan.days)} days, every day in its bands", facts=facts)


def _by_source(counts: list[dict[str, Any]], days: list[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(days, 0))
    for row in counts:
        found[row["source"]][row["dt"]] += row["records"]
    return dict(found)


def _rejected(plan: Plan, counts: list[dict[str, Any]]) -> list[str]:
    rejected: dict[tuple[str, str], int] = defaultdict(int)
    total: dict[tuple[str, str], int] = defaultdict(int)
    for row in counts:
        key = (row["dt"], row["source"])
        total[key] += row["records"]
        rejected[key] += row["records"] if row["fate"].startswith("rejected:") else 0
    limit = plan.deployment.logs.max_reject_share
    return [
        f"{day}: {rejected[day, source]:,} of {source}'s {n:,} records are unreadable (limit {limit:.1%})"
        for (day, source), n in sorted(total.items())
        if rejected[day, source] > limit * n
    ]


def _too_few(plan: Plan, per_day: dict[str, int]) -> list[str]:
    least = plan.deployment.logs.min_searches_per_day
    return [f"{day}: {n:,} searches (at least {least:,})" for day, n in per_day.items() if n < least]


def _out_of_band(plan: Plan, records: dict[str, dict[str, int]]) -> list[str]:
    wrong = []
    for source in plan.deployment.logs.sources:
        by_day = records.get(source.name, dict.fromkeys(plan.days, 0))
        middle = median(by_day.values())
        wrong += [
            f"{day}: {n:,} records of {source.name}, out of band: the window's median is {middle:,.0f}"
            for day, n in sorted(by_day.items())
            if not middle / BAND <= n <= middle * BAND or n == 0
        ]
    return wrong
