"""How the service does under what is live: from daily summaries, never from single impressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from statistics import median
from typing import TYPE_CHECKING, Any

from reprise.features.standing import Standing
from reprise.lake import DAYS
from reprise.metrics.consumption_score import ConsumptionScore, consumption_score
from reprise.pages import finite
from reprise.release.mirrors import Mirror
from reprise.release.status import Status
from reprise.searches.calendar import shift
from reprise.searches.health import LEAST_DAYS, USUAL_DAYS, ServiceDay, measure

if TYPE_CHECKING:
    from reprise.lake import Lake
    from reprise.plan import Plan
    from reprise.settings.monitor import Monitor

_WATCHED = ("searches", "success_rate", "bounce_rate", "plays", "skip_rate", "searched_play_share")


@dataclass(frozen=True)
class Seen:
    """One day's look. ``alarms`` are for people; ``drifted`` says in what listeners differ from their usual.

    ``score``: the day's consumption score of the search; ``usual_score``: the median of the days before, None with
    too few of them.
    """

    day: str
    live: int | None
    age_days: int | None
    score: ConsumptionScore
    usual_score: float | None
    service: ServiceDay
    mirrors: list[Mirror]
    behaviour: list[Standing]  # of the fields that the live model reads
    alarms: list[str] = field(default_factory=list)
    drifted: dict[str, str] = field(default_factory=dict)  # figure → words

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return dict(finite(asdict(self)))


def look(
    plan: Plan, found: Status, mirrors: Sequence[Mirror], behaviour: Sequence[Standing], settings: Monitor
) -> Seen:
    """Return what the plan's one day looks like beside the days before, and what is wrong."""
    lake, day = plan.open_lake(), plan.days[-1]
    service = measure(plan).service[-1]
    score, usual = _scores(lake, plan.logs_version, day)
    age = None
    if found.live and found.live.trained_until:
        age = (date.fromisoformat(day) - date.fromisoformat(found.live.trained_until)).days
    live = found.live.number if found.live else None
    seen = Seen(day, live, age, score, usual, service, list(mirrors), list(behaviour))
    alarms = [*_alarms(found, age, mirrors, settings), *_served(behaviour, settings)]
    return replace(seen, alarms=alarms, drifted=_drifted(seen, settings))


def _scores(lake: Lake, version: str, day: str) -> tuple[ConsumptionScore, float | None]:
    there = lake.partitions(DAYS, version)

    def of(one: str) -> ConsumptionScore:
        return consumption_score(lake.read("journey_stats", version, [f"dt={one}"]).to_pylist())

    before = [shift(day, -n) for n in range(1, USUAL_DAYS + 1) if f"dt={shift(day, -n)}" in there]
    scores = [found.score for one in before if (found := of(one)).journeys]
    return of(day), median(scores) if len(scores) >= LEAST_DAYS else None


def _alarms(found: Status, age: int | None, mirrors: Sequence[Mirror], settings: Monitor) -> list[str]:
    alarms = [f"{one.url}: {one.trouble}" for one in found.replicas if one.trouble]
    if found.live is None:
        alarms.append("what is live is no recorded release")
    if age is not None and age > settings.stale_after_days:
        alarms.append(f"the live model learned until {age} days ago, more than {settings.stale_after_days}")
    return alarms + [f"{one.name} says {one.says}, and should say {one.should}" for one in mirrors if not one.ok]


def _served(behaviour: Sequence[Standing], settings: Monitor) -> list[str]:
    """Return what is wrong with the behaviour that Solr serves; fields of which the same is wrong share a line."""
    wrong: dict[str, list[str]] = {}
    for one in behaviour:
        said = []
        if one.begun:
            said.append(f"a publish of {one.begun} has begun, and not ended, of")
        elif one.age_days is None:
            said.append("Solr was never given")
        if one.age_days is not None and one.age_days > settings.behaviour_stale_after_days:
            said.append(f"Solr's values are of {one.day}, {one.age_days} days old, of")
        if one.differing_share is not None and one.differing_share > settings.max_skew:
            said.append(f"{one.differing_share:.1%} of Solr's documents hold another value than was published of")
        for line in said:
            wrong.setdefault(line, []).append(one.field)
    return [f"{line} {', '.join(fields)}" for line, fields in wrong.items()]


def _drifted(seen: Seen, settings: Monitor) -> dict[str, str]:
    found = {}
    score, usual = seen.score.score, seen.usual_score
    if usual and score < usual * (1 - settings.max_score_fall):
        found["score"] = f"the consumption score is {score:.3f}, usually {usual:.3f}"
    for name in _WATCHED:
        figure = getattr(seen.service, name)
        if figure.usual and figure.value is not None and abs(figure.value / figure.usual - 1) > settings.max_change:
            found[name] = f"{name.replace('_', ' ')} {figure.value:.4g}, usually {figure.usual:.4g}"
    for one in seen.behaviour:
        if (one.differing_share or 0) > settings.max_skew:
            continue  # it is Solr that lost them: a publish mends that, and no retrain does
        if one.drift is not None and one.drift > settings.max_feature_drift:
            found[one.field] = f"the spread of {one.field} has moved by {one.drift:.2f} since {one.learned}"
    return found
