"""The reviewers' tab over a running Solr: what it shows, what it keeps, and what a later review hears of it."""

import json

import pytest

from builders.release_half import NEW, planted_report, prepared
from builders.small_service import small_plan
from builders.solr_core import QUERIES, client_of
from reprise import release
from reprise.errors import UsageError
from reprise.experts import preferences
from reprise.gate.report import save_report
from reprise.lifecycle.page import compare
from reprise.release.record import LIVE

pytestmark = pytest.mark.solr
RUN = "waits"


@pytest.fixture(scope="module")
def world(module_core, tmp_path_factory):
    """Release 1 is live, NEW waits."""
    with client_of(module_core) as client:
        found = prepared(client, tmp_path_factory.mktemp("lake"))
        release.upload(client, NEW, 1_000_000)
        yield found


@pytest.fixture
def plan(world, tmp_path):
    """A run whose report is there and whose candidate is in Solr."""
    request = {"request": {"params": dict(release.live(world.client).request)}}
    plan = small_plan(tmp_path, urls=world.client.nodes, core=world.client.core, **request)
    plan = type(plan)(**{**vars(plan), "run": RUN, "champion": release.live(world.client).to_dict()})
    lake = plan.open_lake()
    save_report(planted_report(plan, NEW.family, "yes"), lake)
    lake.put_json(f"candidates/v={plan.models_version}/{plan.partition}/{NEW.family}/candidate.json", NEW.to_dict())
    return plan


def answered(world, query, **search):
    found = world.client.select({"q": query, "rows": 10, "fl": "id", **search}, "/search").body["response"]["docs"]
    return [one["id"] for one in found]


def side_of(told, ranker):
    return next(side for side, whose in told["key"].items() if whose == ranker)


def test_nothing_in_an_answer_tells_the_sides_apart_until_somebody_has_preferred_one(world, plan):
    query = QUERIES[0]
    before = compare.sides(plan, query, "mira")

    assert set(before) == {"query", "left", "right", "equal", "preferred"}
    assert before["preferred"] is None
    assert "candidate" not in json.dumps(before)
    with pytest.raises(UsageError, match="say first which side you prefer"):
        compare.why(plan, query, "left", before["left"][0]["id"], before["left"][1]["id"], "mira")

    told = compare.prefer(plan, query, "left", "mira")

    ids = {side: [one["id"] for one in before[side]] for side in ("left", "right")}
    assert ids[side_of(told, "live")] == answered(world, query, useParams=LIVE)[: len(ids["left"])]
    assert ids[side_of(told, "candidate")] == answered(world, query, rq=NEW.rq)[: len(ids["left"])]
    again = compare.sides(plan, query, "mira")
    assert (again["preferred"], again["key"]) == ("left", told["key"])
    assert compare.sides(plan, query, "ana")["preferred"] is None, "another's word tells nobody else"


def test_reasons_add_up_on_either_side(plan):
    query = QUERIES[1]
    compare.prefer(plan, query, "neither", "mira")
    shown = compare.sides(plan, query, "mira")

    for side in shown["explained"]:
        above, below = (one["id"] for one in shown[side][:2])
        found = compare.why(plan, query, side, above, below, "mira")
        assert sum(part["brings"] for part in found["parts"]) == pytest.approx(found["lead"])


def test_a_review_begins_with_what_the_last_candidate_lost(world, plan):
    for query, ranker in ((QUERIES[0], "live"), (QUERIES[1], "candidate")):
        side = side_of(compare.prefer(plan, query, "neither", "mira"), ranker)
        compare.prefer(plan, query, side, "mira")

    assert preferences.tally(plan.open_lake(), RUN) == {"candidate": 1, "live": 1, "neither": 0}
    assert preferences.lost(plan.open_lake(), "the next run") == [QUERIES[0]]


def test_the_report_says_what_it_compared_and_when_that_is_over(world, plan):
    said = compare.report(plan)

    assert (said["superseded"], said["answer"], len(said["checks"])) == ("", "yes", 1)
    release.rollback(world.client, 0, reason="a test", by="mira")
    later = compare.report(plan)
    release.rollback(world.client, 1, reason="a test", by="mira")
    assert later["superseded"] == "compared with release 1, but release 0 is live now"
    assert later["digest"] == said["digest"]


@pytest.mark.parametrize("query", ["", "   "])
def test_an_empty_query_is_refused(plan, query):
    with pytest.raises(UsageError, match="the query is empty"):
        compare.sides(plan, query, "mira")


def test_grades_of_nothing_are_refused(plan):
    with pytest.raises(UsageError, match="nothing to keep"):
        compare.grade(plan.open_lake(), QUERIES[0], {}, "mira")
    assert compare.grade(plan.open_lake(), QUERIES[0], {"song:1": 4}, "mira")["kept"] == 1
