"""The report tells what was got and what would have been, from the lake, and says so where it cannot."""

import pyarrow as pa
import pytest

from builders.days import publish_day
from builders.small_service import small_plan
from reprise import tables
from reprise.gate.consumption import expected, exposure, live
from reprise.training.asked import EXPOSURE
from reprise.training.counterfactual import metric_name


def journeys(day, ranker, bucket, count, score):
    return {
        "dt": day, "ranker": ranker, "user_bucket": bucket, "journeys": count, "score_sum": score, "successes": 1,
        "bounces": 1, "keystrokes_sum": 4, "time_to_success_s_sum": 9.0,
    }  # fmt: skip


def test_the_score_of_the_test_days_by_ranker(tmp_path):
    """Other days are not in it; a ranker the log does not name is one of its own."""
    plan = small_plan(tmp_path)
    days = plan.block("test")[0].days
    for day in plan.days:
        rows = [journeys(day, "1", b, 10, 4.0) for b in range(3)] + [journeys(day, None, 0, 5, 5.0)]
        publish_day(plan.open_lake(), plan.logs_version, day, {"journey_stats": rows})
    found = live(plan, plan.open_lake())

    assert [(one["ranker"], one["journeys"], one["score"]) for one in found] == [
        ("1", 30 * len(days), pytest.approx(0.4)),
        ("", 5 * len(days), pytest.approx(1.0)),
    ]
    assert found[1]["low"] is None  # one bucket has no spread


def test_days_without_journeys_tell_nothing(tmp_path):
    plan = small_plan(tmp_path)

    assert live(plan, plan.open_lake()) == []


def scores(plan, model, values):
    name = metric_name(plan.deployment.solr.request.rows)
    fixed = {"model": model, "block": "test", "role": "test", "theta_variant": "measured", "unjudged": "prior"}
    return [
        {**fixed, "query_group": f"q{n}", "metric": name, "value": value, "traffic": 10, "segment": "head"}
        for n, value in enumerate(values)
    ]


def test_candidate_beside_champion(tmp_path):
    plan = small_plan(tmp_path)
    rows = [
        *scores(plan, "lambdamart", [0.5 + n / 100 for n in range(20)]),
        *scores(plan, "champion", [0.4 + n / 100 for n in range(20)]),
    ]
    table = pa.Table.from_pylist([dict.fromkeys(tables.scores.names) | row for row in rows], tables.scores)
    facts = {"expected_consumption": {m: {"direct": 0.3, "inconclusive": m} for m in ("lambdamart", "champion")}}
    lake = plan.open_lake()
    lake.write("scores", plan.models_version, plan.partition, table, facts=facts)
    found = expected(plan, lake, table, "lambdamart", "champion")

    assert found["comparison"]["difference"] == pytest.approx(0.1)
    assert found["comparison"]["lower"] == pytest.approx(0.1)
    assert (found["candidate"]["direct"], found["champion"]["inconclusive"]) == (0.3, "champion")
    assert found["inconclusive"] == "lambdamart"
    assert expected(plan, lake, table, "linear", "champion") == {}


def test_new_releases_are_asked_about_where_there_are_any(tmp_path):
    """None among the results, or no item with an age: nothing to lose."""
    plan = small_plan(tmp_path)

    def exposed(metric, now):
        values = [("champion", now), ("lambdamart", now / 2)]
        own = {"metric": metric, "unjudged": "judged_only"}
        rows = [row | own for model, share in values for row in scores(plan, model, [share] * 20)]
        return pa.Table.from_pylist([dict.fromkeys(tables.scores.names) | row for row in rows], tables.scores)

    asked = exposure(exposed(EXPOSURE, 0.2), "lambdamart", "champion", plan.deployment.gate.policy)
    assert (asked[0].difference, asked[1]) == (pytest.approx(-0.1), pytest.approx(0.2))
    for metric, now in ((EXPOSURE, 0.0), ("another", 0.2)):
        found = exposure(exposed(metric, now), "lambdamart", "champion", plan.deployment.gate.policy)
        assert found is None
