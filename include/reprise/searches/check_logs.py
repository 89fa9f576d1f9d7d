"""``check_logs``: are the extracted days healthy enough to learn from? Reads daily tables only, without Spark.

The bands are in ``logs.yaml``. Whatever the answer, the figures are kept beside the run, as JSON and as a page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any, NamedTuple

from reprise.pages import render
from reprise.plan import Plan
from reprise.searches.health import Health, SourceDay, measure
from reprise.settings import Logs
from reprise.verdict import Verdict

#: With fewer plays on a day, the share of one item says nothing.
_PLAYS_FOR_A_SHARE = 1000


class Finding(NamedTuple):
    """What is out of band on a day; ``source`` is empty where it is no one source's."""

    day: str
    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.day}: {self.reason}"


def run(plan: Plan) -> Verdict:
    """Return yes where every day of the plan is in its bands; no names each day that is not, with its number."""
    health = measure(plan)
    found = list(_out_of_band(health, plan.deployment.logs))
    wrong, pages = [str(finding) for finding in found], _save(plan, health, found)
    searches = {day.day: int(day.searches.value or 0) for day in health.service}
    facts: dict[str, Any] = {"searches": searches, "wrong": wrong, "page": pages["health.html"]}
    if wrong:
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        return Verdict(
            "no", "; ".join(wrong[:5]) + more, "mend the logs and run extract again, or change the bands in logs.yaml",
            facts,
        )  # fmt: skip
    total = sum(searches.values())
    return Verdict("yes", f"{total:,} searches over {len(plan.days)} days, every day in its bands", facts=facts)


def _out_of_band(health: Health, logs: Logs) -> Iterator[Finding]:
    for source in sorted({each.source for each in health.sources}):
        days = [each for each in health.sources if each.source == source]
        middle = median(each.used.value or 0 for each in days)
        for each in days:
            yield from (Finding(each.day, source, reason) for reason in _of_records(each, middle, logs))
    for day in health.service:
        if (n := int(day.searches.value or 0)) < logs.min_searches_per_day:
            yield Finding(day.day, "", f"{n:,} searches (at least {logs.min_searches_per_day:,})")
        share = day.top_item_share.value or 0.0
        if (day.plays.value or 0) >= _PLAYS_FOR_A_SHARE and share > logs.max_item_share:
            reason = f"{share:.1%} of all plays are of {day.top_item} (limit {logs.max_item_share:.1%})"
            yield Finding(day.day, "", reason)


def _of_records(each: SourceDay, middle: float, logs: Logs) -> Iterator[str]:
    records, used = int(each.records.value or 0), int(each.used.value or 0)
    if (rejected := each.share("rejected")) > logs.max_reject_share:
        yield (
            f"{round(rejected * records):,} of {each.source}'s {records:,} records are unreadable"
            f" (limit {logs.max_reject_share:.1%})"
        )
    # Of what is used: a bot that was left out makes a day large, not bad.
    usual, ratio = each.used.usual, logs.max_volume_ratio
    base, whose = (middle, "the window's median") if usual is None else (usual, "the median of the 28 days before")
    if used == 0 or not base / ratio <= used <= base * ratio:
        yield f"{used:,} usable records of {each.source}, out of band: {whose} is {base:,.0f}"
    shares = {f"are {fate}": share for fate, share in each.shares.items() if fate != "used"}
    for what, share in (shares | {"came late": each.late}).items():
        if share.usual is not None and (share.value or 0) > share.usual + logs.max_share_jump:
            yield (
                f"{share.value or 0:.1%} of {each.source}'s records {what}, usually {share.usual:.1%}"
                f" (limit {logs.max_share_jump:.1%} more)"
            )


def _save(plan: Plan, health: Health, found: list[Finding]) -> dict[str, str]:
    """Write ``runs/<run>/logs/health.json`` and ``health.html``; return their addresses by name."""
    store, folder = plan.open_lake().store, f"runs/{plan.run}/logs"
    about = {"deployment": plan.deployment.name, "run": plan.run, "wrong": [str(finding) for finding in found]}
    content = json.dumps(about | asdict(health), indent=1)
    files = {"health.json": content, "health.html": _page(plan, health, found)}
    for name, text in files.items():
        store.put(f"{folder}/{name}", text.encode())
    return {name: store.uri(f"{folder}/{name}") for name in files}


def _page(plan: Plan, health: Health, found: list[Finding]) -> str:
    by_source: dict[str, list[SourceDay]] = {}
    for each in health.sources:
        by_source.setdefault(each.source, []).append(each)
    return render(
        "reprise.searches",
        "health.html",
        plan=plan,
        service=health.service,
        by_source=by_source,
        wrong=found,
        bad_days={finding.day for finding in found},
        bad={(finding.day, finding.source) for finding in found},
    )
