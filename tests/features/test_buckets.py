"""What Solr is asked, seen from a door before it: never more at once than allowed, and never the same thing twice."""

import dataclasses
import time

import pytest

from builders.flaky_solr import flaky_solr
from builders.small_service import small_plan
from builders.solr_core import QUERIES, client_of, fill
from reprise.errors import ServiceError, UnavailableError
from reprise.features import buckets
from reprise.features.buckets import retrieved
from reprise.features.catalogue import solr_entries
from reprise.features.match import REQUEST, Wanted
from reprise.lake_sweep import published
from reprise.searches.retention import sweep_deployment
from reprise.solr import SolrClient
from reprise.spark import size_shuffles

pytestmark = [
    pytest.mark.spark,
    pytest.mark.solr,
    pytest.mark.filterwarnings("ignore:distutils Version classes are deprecated"),  # PySpark's look at pandas
]
DAY_S = 86_400.0


@pytest.fixture(scope="module")
def core(module_core):
    with fill(client_of(module_core)) as client:
        yield client


@pytest.fixture
def small_buckets(monkeypatch):
    monkeypatch.setattr(buckets, "REQUESTS_PER_BUCKET", 3)


@pytest.fixture
def door(core):
    with flaky_solr(core.urls[0]) as door:
        yield door


def plan_at(folder, core, **solr):
    return small_plan(folder, core=core.core, request={"rerank_docs": 20}, **solr)


def ask(spark, plan, door, entries=None):
    """Rows by (query, item), and the counts."""
    size_shuffles(spark, 0)
    asked = spark.createDataFrame([(query, "", "") for query in QUERIES], "query string, language string, now string")
    wanted = Wanted(plan.deployment.solr, entries or solr_entries(plan.deployment.solr, []), {})
    rows, counts = retrieved(spark, plan, asked, [f"{door.url}/solr"], wanted)
    return sorted(tuple(row) for row in rows.collect()), counts


def test_a_step_that_was_killed_asks_only_for_what_it_lacks(spark, core, door, tmp_path, small_buckets):
    plan = plan_at(tmp_path, core)
    undisturbed, counts = ask(spark, dataclasses.replace(plan, run="other"), door)
    assert counts == {"needed": len(QUERIES), "sent": len(QUERIES)}
    assert door.answered == len(QUERIES)

    door.answered, door.status, door.refusing = 0, 500, lambda answered: answered >= 13
    with pytest.raises(ServiceError, match=r"refused \(500\).*what was answered is kept"):
        ask(spark, plan, door)
    kept = sum(one.manifest.facts["requests"] for one in published(plan.open_lake()) if plan.run in one.key)
    assert 0 < kept <= 13

    door.answered, door.refusing = 0, lambda answered: False
    rows, counts = ask(spark, plan, door)

    assert counts == {"needed": len(QUERIES), "sent": len(QUERIES) - kept}
    assert door.answered == len(QUERIES) - kept
    assert undisturbed == rows
    assert ask(spark, plan, door)[1]["sent"] == 0


def test_what_was_answered_to_another_question_is_not_taken(spark, core, door, tmp_path):
    plan = plan_at(tmp_path, core)
    ask(spark, plan, door)
    fewer = solr_entries(plan.deployment.solr, [])[:2]

    rows, counts = ask(spark, plan, door, fewer)

    assert counts["sent"] == len(QUERIES)
    assert {len(row) for row in rows} == {len((*REQUEST, "item", "engine_rank", *fewer))}


@pytest.mark.parametrize("lanes", [1, 2])
def test_no_more_at_once_than_allowed(spark, core, door, tmp_path, small_buckets, lanes):
    ask(spark, plan_at(tmp_path, core, requests_in_flight=lanes), door)

    assert door.most_at_once <= lanes


@pytest.mark.parametrize("status", [429, 503])
def test_a_solr_that_refuses_for_a_while_is_asked_again(spark, core, door, tmp_path, status):
    door.status, door.refusing = status, lambda answered: answered == 5 and door.refusals < 1

    rows, _ = ask(spark, plan_at(tmp_path, core), door)

    assert (door.refusals, door.answered) == (1, len(QUERIES))
    assert {row[0] for row in rows} == set(QUERIES)


def test_how_long_a_busy_solr_wants_to_be_left_alone_is_heard(core, door):
    door.status, door.said, door.refusing = 429, (("Retry-After", "7"),), lambda answered: True

    with SolrClient([f"{door.url}/solr"], core.core) as client, pytest.raises(UnavailableError) as refusal:
        client.select({"q": "raga"}, "/search")

    assert refusal.value.retry_after_s == 7


def test_answers_are_swept_when_no_run_can_still_need_them(spark, core, door, tmp_path):
    plan = plan_at(tmp_path, core)
    ask(spark, plan, door)
    lake, deployment = plan.open_lake(), plan.deployment

    assert sweep_deployment(deployment, lake, now=time.time() + 2 * DAY_S)[0].removed == {}
    sweep_deployment(deployment, lake, now=time.time() + 4 * DAY_S)

    assert lake.store.list("retrieved/") == {}
