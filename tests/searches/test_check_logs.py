"""Log health from daily tables that no extraction made, so that a broken day can be any that there is."""

import json
from dataclasses import replace
from statistics import median

import pytest

from builders.days import publish_day
from builders.logs import plan_of
from reprise.errors import MissingDataError
from reprise.lake import Lake
from reprise.plan import days_between
from reprise.searches import check_logs
from reprise.settings import Deployment

DAYS = days_between("2026-08-01", "2026-09-05")
WINDOW = DAYS[-5:]


@pytest.fixture
def checked(tmp_path):
    """Publishes 36 days, some of them changed, and checks the last five; returns verdict, JSON and page."""

    def check(changes=None, settings=None, first=0, expired=()):
        sources = [
            {"name": "app", "kind": "search", "uris": ["logs/{date}"],
             "fields": {"user": "u", "ts": "t", "query": "q", "search_id": "i"}},
            {"name": "player", "kind": "play", "uris": ["plays/{date}"],
             "fields": {"user": "u", "ts": "t", "item": "i"}},
        ]  # fmt: skip
        deployment = Deployment.model_validate(
            {
                "name": "tiny",
                "logs": {"sources": sources, **(settings or {})},
                "solr": {"features": [{"name": "engine_score", "meaning": "score", "kind": "match"}]},
            }
        )
        plan = plan_of(deployment, tmp_path / "lake", WINDOW)
        lake = Lake(str(tmp_path / "lake"))
        for number, day in enumerate(DAYS[first:]):
            tables = day_of(day, number) | (changes or {}).get(day, {})
            manifest = publish_day(lake, plan.logs_version, day, tables)
            if day in expired:
                gone = {**manifest.facts, "expired": ["journey_stats"]}
                lake.publish_manifest(replace(manifest, facts=gone, number=manifest.number + 1))
        verdict = check_logs.run(plan)
        folder = tmp_path / "lake" / "runs" / plan.run / "logs"
        return verdict, json.loads((folder / "health.json").read_text()), (folder / "health.html").read_text()

    return check


def day_of(day, number):
    """Tables of an ordinary day; volumes wander by a few per cent."""
    return {
        "log_counts": counts(day, app={"used": 1000 + 10 * number, "dropped:bot": 20}, player={"used": 5000}),
        "query_stats": [{"dt": day, "q": f"q{n}", "language": "", "searches": 10, "listeners": 7} for n in range(100)],
        "journey_stats": [{"dt": day, "journeys": 400, "successes": 300, "bounces": 40}],
        "item_stats": [
            {"dt": day, "item": f"song:{n}", "plays": 50, "skips": 10, "search_plays": 25} for n in range(100)
        ],
    }


def counts(day, late=0.0, **sources):
    """Rows of ``log_counts``: source → fate → records, a share of them late."""
    return [
        {"dt": day, "source": source, "fate": fate, "records": n, "late": round(n * late)}
        for source, fates in sources.items()
        for fate, n in fates.items()
    ]


def test_a_healthy_window_is_learned_from(checked):
    verdict, report, page = checked()

    assert verdict.answer == "yes"
    assert verdict.reason == "5,000 searches over 5 days, every day in its bands"
    assert report["wrong"] == []
    assert "Healthy" in page
    app = [each for each in report["sources"] if each["source"] == "app"]
    assert [each["records"]["value"] for each in app] == [1020.0 + 10 * n for n in range(31, 36)]
    assert {each["late"]["value"] for each in app} == {0.0}
    assert app[0]["records"]["usual"] == median(1020 + 10 * n for n in range(3, 31))
    assert report["service"][0]["success_rate"] == {"value": 0.75, "usual": 0.75}
    assert report["service"][0]["searched_play_share"]["value"] == 0.5


@pytest.mark.parametrize(
    ("table", "rows", "said"),
    [
        pytest.param(
            "log_counts", lambda day: counts(day, app={"used": 200}, player={"used": 5000}),
            "2026-09-03: 200 usable records of app, out of band: the median of the 28 days before is",
            id="too few records",
        ),
        pytest.param(
            "log_counts", lambda day: counts(day, app={"used": 1300}, player={"used": 15_300}),
            "2026-09-03: 15,300 usable records of player, out of band", id="too many records",
        ),
        pytest.param(
            "log_counts", lambda day: counts(day, app={"used": 1300}),
            "2026-09-03: 0 usable records of player, out of band", id="no plays",
        ),
        pytest.param(
            "log_counts",
            lambda day: counts(day, app={"used": 1200, "rejected:no time": 100}, player={"used": 5000}),
            "2026-09-03: 100 of app's 1,300 records are unreadable (limit 5.0%)", id="unreadable",
        ),
        pytest.param(
            "log_counts",
            lambda day: counts(day, app={"used": 600, "dropped:bot": 700}, player={"used": 5000}),
            "2026-09-03: 53.8% of app's records are dropped:bot, usually 1.7% (limit 50.0% more)", id="bots",
        ),
        pytest.param(
            "log_counts",
            lambda day: counts(day, late=0.75, app={"used": 1300}) + counts(day, player={"used": 5000}),
            "2026-09-03: 75.0% of app's records came late, usually 0.0% (limit 50.0% more)", id="late",
        ),
        pytest.param(
            "query_stats", lambda day: [{"dt": day, "q": "raga", "language": "", "searches": 49, "listeners": 1}],
            "2026-09-03: 49 searches (at least 50)", id="too few searches",
        ),
        pytest.param(
            "item_stats",
            lambda day: [{"dt": day, "item": f"song:{n}", "plays": 900 if n == 7 else 30, "skips": 1,
                          "search_plays": 1} for n in range(100)],
            "2026-09-03: 23.3% of all plays are of song:7 (limit 20.0%)", id="a farm",
        ),
    ],
)  # fmt: skip
def test_a_broken_day_is_named_with_its_number(checked, table, rows, said):
    verdict, report, page = checked({"2026-09-03": {table: rows("2026-09-03")}})

    assert verdict.answer == "no"
    assert len(report["wrong"]) == 1
    assert said in verdict.reason
    assert "Not fit to learn from" in page
    assert page.count('class="bad"') >= 1


def test_a_bot_that_was_left_out_makes_no_day_bad(checked):
    """Its records are counted and dropped, and what is used is as much as ever."""
    stormy = {
        "2026-09-03": {
            "log_counts": counts("2026-09-03", app={"used": 1300, "dropped:bot": 1200}, player={"used": 5000})
        }
    }
    verdict, report, _ = checked(stormy)

    assert verdict.answer == "yes"
    assert report["sources"][2]["records"]["value"] == 2500


def test_a_day_that_was_broken_before_the_window_moves_no_band(checked):
    """A median is not led astray by an outage or two among the days before."""
    broken = {day: {"log_counts": counts(day, app={"used": 3}, player={"used": 1})} for day in DAYS[10:14]}
    assert checked(broken)[0].answer == "yes"


def test_days_beyond_their_retention_are_no_measure(checked):
    """A table of theirs may be gone already; the days that have all of theirs are enough."""
    verdict, report, _ = checked(expired=DAYS[:20])

    assert verdict.answer == "yes"
    assert report["sources"][0]["used"]["usual"] == median(1000 + 10 * n for n in range(20, 31))


def test_a_day_that_was_never_extracted_is_named(checked):
    with pytest.raises(MissingDataError, match="2026-09-01"):
        checked(first=len(DAYS) - 4)


def test_without_a_week_before_it_a_window_is_its_own_measure(checked):
    few = {"2026-09-03": {"log_counts": counts("2026-09-03", app={"used": 200}, player={"used": 5000})}}
    verdict, report, _ = checked(few, first=len(DAYS) - 5)

    assert "out of band: the window's median is 1,010" in verdict.reason
    assert report["sources"][0]["records"]["usual"] is None


def test_bands_are_the_deployments(checked):
    strict = {"max_volume_ratio": 1.01, "max_item_share": 0.009, "min_searches_per_day": 1001}
    verdict, report, _ = checked(settings=strict)

    assert verdict.answer == "no"
    assert verdict.reason.endswith("more)")
    assert len(report["wrong"]) == 15
