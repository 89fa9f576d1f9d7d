"""The daily look: what is out of the usual is said in words, and what is usual is not said at all."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from builders.days import publish_day
from builders.small_service import small_plan
from reprise.errors import MissingDataError
from reprise.features.standing import Standing
from reprise.lake import Lake
from reprise.release import Release, ReplicaState, Status
from reprise.release.mirrors import Mirror
from reprise.release.monitor import look
from reprise.release.recorded import frequent
from reprise.searches.calendar import newest_extracted
from reprise.settings.monitor import Monitor

DAYS = [(date(2026, 9, 1) + timedelta(days=n)).isoformat() for n in range(20)]
LIVE = Release(
    3, "reprise_linear_a", "2026-09-02T00:00:00+00:00", {}, "mira", "", rq="{!ltr}", trained_until="2026-08-30"
)
FINE = Mirror("lake", "release 3 of 4", "release 3 of 4", True)


def a_day(score=0.4, searches=500, plays=300):
    """A hundred journeys of listeners in four buckets, and what was searched and played."""
    journeys = [
        {"ranker": "r", "user_bucket": bucket, "journeys": 25, "score_sum": 25 * score, "score_sq_sum": 25 * score**2,
         "successes": 15, "bounces": 2, "time_to_success_s_sum": 100.0, "keystrokes_sum": 50}
        for bucket in range(4)
    ]  # fmt: skip
    played = {"item": "song:1", "plays": plays, "skips": 30, "search_plays": 100}
    asked = [
        {"q": "raga", "searches": searches - 60, "listeners": 90},
        {"q": "night", "searches": 50, "listeners": 30},
        {"q": "my own name", "searches": 10, "listeners": 1},
    ]
    return {"journey_stats": journeys, "item_stats": [played], "query_stats": asked, "log_counts": []}


@pytest.fixture
def seen(tmp_path):
    """Looks at a last day that comes after others that were alike."""

    def on(last, found, mirrors=(FINE,), before=DAYS[:-1], behaviour=()):
        plan = replace(small_plan(str(tmp_path)), days=DAYS[-1:])
        for day in before:
            publish_day(plan.open_lake(), plan.logs_version, day, a_day())
        publish_day(plan.open_lake(), plan.logs_version, DAYS[-1], last)
        assert newest_extracted(plan.open_lake(), plan.logs_version) == DAYS[-1]
        return look(plan, found, list(mirrors), behaviour, Monitor(stale_after_days=30))

    return on


def status(live=LIVE, trouble=""):
    replicas = [ReplicaState("http://solr/1", live.number if live else None, trouble)]
    return Status(live, "", None, None, replicas, [], [])


def test_a_usual_day_is_nothing_to_speak_of(seen):
    found = seen(a_day(), status())

    assert (found.alarms, found.drifted) == ([], {})
    assert (found.day, found.live, found.age_days) == (DAYS[-1], 3, 21)
    assert found.score.score == pytest.approx(0.4)
    assert found.usual_score == pytest.approx(0.4)
    assert found.to_dict()["service"]["searches"] == {"value": 500.0, "usual": 500.0}


def test_what_listeners_do_otherwise_is_drift(seen):
    found = seen(a_day(score=0.3, searches=1200), status())

    assert found.alarms == []
    assert found.drifted == {
        "score": "the consumption score is 0.300, usually 0.400",
        "searches": "searches 1200, usually 500",
    }


def test_without_a_week_before_nothing_is_usual(seen):
    found = seen(a_day(score=0.1, searches=9000), status(), before=DAYS[-4:-1])

    assert (found.usual_score, found.drifted) == (None, {})


def test_what_is_wrong_with_what_is_live_is_an_alarm(seen):
    old = replace(LIVE, trained_until="2026-08-01")
    behind = replace(FINE, says="release 2 of 4", ok=False)

    found = seen(a_day(), status(old, "it is not on http://solr/1 any more"), [behind])

    assert found.age_days == 50
    assert found.alarms == [
        "http://solr/1: it is not on http://solr/1 any more",
        "the live model learned until 50 days ago, more than 30",
        "lake says release 2 of 4, and should say release 3 of 4",
    ]


FRESH = Standing("beh_plays", DAYS[-1], age_days=0, differing_share=0.01, learned=DAYS[0], drift=0.1)


def test_behaviour_that_is_fresh_and_as_learned_is_nothing_to_speak_of(seen):
    found = seen(a_day(), status(), behaviour=[FRESH, replace(FRESH, field="beh_rate", age_days=3)])

    assert (found.alarms, found.drifted) == ([], {})
    assert found.to_dict()["behaviour"][0]["drift"] == 0.1


def test_behaviour_that_grew_old_or_was_lost_is_an_alarm_that_names_its_fields(seen):
    old = [replace(FRESH, field=name, day=DAYS[-5], age_days=4) for name in ("beh_a", "beh_b")]
    lost = replace(FRESH, field="beh_c", differing_share=0.2, drift=3.0)
    half = replace(FRESH, field="beh_d", begun=DAYS[-1])

    found = seen(a_day(), status(), behaviour=[*old, lost, half, Standing("beh_e")])

    assert found.alarms == [
        f"Solr's values are of {DAYS[-5]}, 4 days old, of beh_a, beh_b",
        "20.0% of Solr's documents hold another value than was published of beh_c",
        f"a publish of {DAYS[-1]} has begun, and not ended, of beh_d",
        "Solr was never given beh_e",
    ]
    assert found.drifted == {}, "a retrain does not bring back what Solr lost"


def test_behaviour_that_moved_since_the_model_learned_is_drift(seen):
    found = seen(a_day(), status(), behaviour=[replace(FRESH, drift=0.4)])

    assert found.alarms == []
    assert found.drifted == {"beh_plays": f"the spread of beh_plays has moved by 0.40 since {DAYS[0]}"}


def test_an_unrecorded_release_is_an_alarm_and_the_engines_own_order_never_ages(seen):
    assert seen(a_day(), status(None)).alarms == ["what is live is no recorded release"]


def test_a_lake_without_a_day_says_so(tmp_path):
    with pytest.raises(MissingDataError, match="no extracted day"):
        newest_extracted(Lake(str(tmp_path)), "v")


def test_recorded_searches_are_those_of_enough_listeners(seen, tmp_path):
    seen(a_day(), status())
    plan = small_plan(str(tmp_path))

    assert frequent(plan.deployment, plan.open_lake(), DAYS[-1], 10) == ["raga", "night"]
