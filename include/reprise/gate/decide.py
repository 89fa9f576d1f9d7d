"""`gate`: choose one candidate on the validation days, then test it once on the test days."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.errors import MissingDataError
from reprise.features.catalogue import behaviour_features
from reprise.gate import consumption
from reprise.gate.beside import champion_release, serving
from reprise.gate.checks import (
    Check,
    fits_solr,
    live_skew,
    logs_are_sound,
    no_leaking_feature,
    not_overfitted,
    reachable,
    untouched_test_block,
)
from reprise.gate.gains import asked_groups, moved, shown_texts
from reprise.gate.paired import DECIDING_THETA, DECIDING_UNJUDGED, METRIC, Paired, paired
from reprise.gate.pick import pick
from reprise.gate.refresh import aged, refreshes
from reprise.gate.report import Report, hidden, save_report
from reprise.gate.weigh import Case, weigh
from reprise.lake import Lake
from reprise.metrics import UNJUDGED_POLICIES
from reprise.plan import Plan
from reprise.solr.cost import size
from reprise.training.baselines import BASELINES, RETRAINED, is_champions_recipe
from reprise.training.dropped import dropped, learned
from reprise.verdict import Verdict

if TYPE_CHECKING:
    import pyarrow as pa

logger = logging.getLogger(__name__)


def run(plan: Plan) -> Verdict:
    """Write the gate report and answer yes (``facts.family`` may go on), no, or cannot tell.

    The same scores give the same report, so running it again changes nothing.
    """
    lake = plan.open_lake()
    report = examine(plan, lake)
    addresses = save_report(report, lake)
    logger.info("gate of run %s: %s, %s", plan.run, report.answer, report.reason)
    facts = {
        "family": report.family,
        "chosen": report.pick.words,
        "report": addresses["report.json"],
        "page": addresses["report.html"],
        "difference": _known(report.comparison.difference),
        "interval": [_known(report.comparison.lower), _known(report.comparison.upper)],
        "checks": {check.name: check.outcome for check in report.checks},
    }
    remedy = "" if report.answer == "yes" else f"read {addresses['report.html']}"
    return Verdict(report.answer, report.reason, remedy, facts)


def _known(value: float) -> float | None:
    """Return the value, or None where there is none: a verdict is JSON, which has no NaN."""
    return None if np.isnan(value) else value


def examine(plan: Plan, lake: Lake) -> Report:
    """Return the report on this run's candidates; missing scores or candidates are an error."""
    scores = lake.read("scores", plan.models_version, [plan.partition])
    release = champion_release(plan, lake)
    champion = serving(release)
    validation, test = paired(scores, "validation"), paired(scores, "test")
    picked = pick(plan, lake, validation)
    family = picked.family
    measured, theta_reason = _theta(plan, lake)
    case = _case(plan, lake, scores, test, family, release, measured)
    weighed = weigh(case)
    comparison = weighed.comparison
    checks = [
        untouched_test_block(plan.block("test")[0].first, _trained_until(plan, lake, family), release),
        *_data_checks(plan, lake, paired(scores, "train"), validation, family),
        *weighed.checks,
    ]
    ours, theirs = test.mean(family), test.mean(champion)
    groups = asked_groups(plan)
    nobody = hidden(plan.deployment.logs.privacy.min_users_per_query)
    winners, losers = moved(test, family, champion, shown_texts(plan, groups), nobody)
    return Report(
        run=plan.run,
        deployment=plan.deployment.name,
        family=family,
        champion=_in_words(release),
        metric=METRIC,
        theta_measured=measured,
        theta_reason=theta_reason,
        test_first=plan.block("test")[0].first,
        test_last=plan.block("test")[-1].last,
        confidence=plan.deployment.gate.policy.confidence,
        candidate_mean=ours.traffic_weighted,
        champion_mean=theirs.traffic_weighted,
        candidate_mean_per_query=ours.per_query,
        champion_mean_per_query=theirs.per_query,
        dropped_traffic_share=_dropped(test, family, groups),
        comparison=comparison,
        validation={name: validation.mean(name).traffic_weighted for name in learned(plan)},
        dropped=dropped(plan),
        pick=picked,
        sensitivity=_sensitivity(test, family, champion),
        checks=checks,
        slices=weighed.slices,
        winners=winners,
        losers=losers,
        live=consumption.live(plan, lake),
        expected=dict(case.expected),
    )


def _case(
    plan: Plan, lake: Lake, scores: pa.Table, test: Paired, family: str, release: dict[str, Any], measured: bool
) -> Case:
    champion = serving(release)
    plays = any(feature.measure == "plays" for feature in behaviour_features(plan.deployment.solr))
    asked = {"engine_order": True, "popularity": plays, "best_feature": "best_feature" in test.models}
    return Case(
        family,
        champion,
        plan.deployment.gate.policy,
        test,
        rivals=[name for name in BASELINES if name != champion and asked[name]],
        refresh=refreshes(plan, family, release),
        retrained=RETRAINED in test.models and not is_champions_recipe(plan, family),
        aged=aged(plan, release),
        theta_measured=measured,
        expected=consumption.expected(plan, lake, scores, family, champion),
        exposure=consumption.exposure(scores, family, champion, plan.deployment.gate.policy),
    )


def _data_checks(plan: Plan, lake: Lake, train: Paired, validation: Paired, family: str) -> list[Check]:
    policy = plan.deployment.gate.policy
    training_set = lake.published("training_set", plan.training_version, plan.partition)
    share = training_set.facts["unreachable_share"].get("test") if training_set else None
    scores = lake.published("scores", plan.models_version, plan.partition)
    suspects = scores.facts.get("suspects") if scores else None
    watched = bool(plan.deployment.solr.live_vectors)
    skew = lake.get_json(f"runs/{plan.run}/features/skew.json") if watched else None
    fitted, held_out = train.mean(family).traffic_weighted, validation.mean(family).traffic_weighted
    health = lake.get_json(f"runs/{plan.run}/logs/health.json")
    return [
        *([logs_are_sound(health["wrong"])] if health else []),
        reachable(share, policy),
        no_leaking_feature(suspects, policy),
        *([live_skew(skew, policy)] if watched else []),
        not_overfitted(fitted, held_out, policy),
        *_cost(plan, lake, family),
    ]


def _cost(plan: Plan, lake: Lake, family: str) -> list[Check]:
    """Return the check of the model's size, as Solr would store it."""
    key = f"candidates/v={plan.models_version}/{plan.partition}/{family}/model.json"
    model = lake.get_json(key)
    if model is None:
        return []
    return [fits_solr(len(json.dumps(model, separators=(",", ":"))), size(model), plan.deployment.solr.max_model_bytes)]


def _sensitivity(test: Paired, family: str, champion: str) -> dict[str, float]:
    """Return the difference under every other reading that was scored, deciding or not."""
    readings = {f"position bias {t}": (t, DECIDING_UNJUDGED) for t in ("measured", "one", "assumed", "steep")}
    readings |= {f"unjudged {u.replace('_', ' ')}": (DECIDING_THETA, u) for u in UNJUDGED_POLICIES}
    return {
        name: test.difference(family, champion, *reading)
        for name, reading in readings.items()
        if (family, *reading) in test.values and (champion, *reading) in test.values
    }


def _in_words(release: dict[str, Any]) -> str:
    number = release.get("number", 0)
    return f"release {number} ({release.get('model')})" if number else "release 0 (the engine's own order)"


def _trained_until(plan: Plan, lake: Lake, family: str) -> str:
    key = f"candidates/v={plan.models_version}/{plan.partition}/{family}/candidate.json"
    content = lake.get_json(key)
    if content is None:
        raise MissingDataError(f"there is no candidate at {lake.store.uri(key)}", "run `reprise train` again")
    return str(content["trained_until"])


def _theta(plan: Plan, lake: Lake) -> tuple[bool, str]:
    facts = lake.published("judgments", plan.judgments_version, plan.partition)
    if facts is None:
        raise MissingDataError(f"run {plan.run} has no judgments in {lake.uri}", "run `reprise judge` again")
    return bool(facts.facts["theta_measured"]), str(facts.facts["theta_reason"])


def _dropped(test: Paired, family: str, groups: list[dict[str, Any]]) -> float:
    """Return the share of the test block's searches that no metric counts: nothing consumed, or not retrieved."""
    searched = sum(group["searches"] for group in groups)
    counted = test.traffic[~np.isnan(test.of(family))].sum()
    return float(1 - counted / searched) if searched else 0.0
