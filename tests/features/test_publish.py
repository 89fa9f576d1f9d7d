"""What a live Solr serves of behaviour: exactly a day's values, whatever it held before."""

import dataclasses
import math

import numpy as np
import pytest

from builders.behaviour import ITEMS, behave, plan_at, some
from builders.flaky_solr import flaky_solr
from builders.small_service import DAYS
from builders.solr_core import client_of
from reprise.errors import MissingDataError, ServiceError
from reprise.features import publish
from reprise.settings import Publish
from reprise.solr import SolrClient
from reprise.solr.watch import watched

pytestmark = pytest.mark.solr


def held(core, plan):
    """What Solr's documents have, asked one by one by the fields' names."""
    names = list(publish.serving_fields(plan))
    asked = {"q": "*:*", "rows": 1000, "fl": ",".join(["id", *names])}
    documents = core.select(asked).body["response"]["docs"]
    found = {d["id"]: tuple(np.float32(d[n]) for n in names if n in d) for d in documents}
    return {item: values for item, values in found.items() if values}


def test_the_first_publish_fills_and_the_second_writes_nothing(core, tmp_path):
    plan = plan_at(tmp_path, core)
    expected = behave(plan, some(1, ITEMS[:200]))

    first, second = publish.run(core, plan), publish.run(core, plan)

    assert first.facts | {"changed": 200, "documents": 300, "unknown": 0} == first.facts
    assert (second.answer, second.facts["changed"]) == ("yes", 0)
    assert expected == held(core, plan)


def test_only_what_changed_is_sent_and_what_vanished_gets_the_default(core, tmp_path):
    before, after = plan_at(tmp_path, core, DAYS[-2]), plan_at(tmp_path, core)
    first = some(1)
    behave(before, first)
    publish.run(core, before)
    second = {**first, "song:3": (9.0, 0.25)}
    del second["song:7"], second["song:8"]
    behave(after, second)
    documents = core.select({"q": "*:*", "rows": 1000, "fl": "id,_version_"}).body["response"]["docs"]
    versions = {one["id"]: one["_version_"] for one in documents}

    found = publish.run(core, after)

    documents = core.select({"q": "*:*", "rows": 1000, "fl": "id,_version_"}).body["response"]["docs"]
    touched = {one["id"] for one in documents if one["_version_"] != versions[one["id"]]}
    assert touched == {"song:3", "song:7", "song:8"}
    assert found.facts["changed"] == 3
    now = held(core, after)
    assert (now["song:3"], now["song:7"]) == ((9.0, 0.25), (0.0, 0.5))


def test_an_earlier_day_is_served_again_to_the_last_bit(core, tmp_path):
    plans = [plan_at(tmp_path, core, day) for day in DAYS[-2:]]
    expected = [behave(plan, some(seed)) for seed, plan in enumerate(plans)]
    for plan in plans:
        publish.run(core, plan, checked=False)

    publish.run(core, plans[0], checked=False)

    assert held(core, plans[0]) == expected[0]
    assert plans[0].open_lake().get_json(publish.RECORD) == {
        name: {"day": DAYS[-2]} for name in publish.serving_fields(plans[0])
    }


@pytest.mark.parametrize("answered", [0, 1, 2, 3])
def test_a_publish_that_was_killed_is_completed_by_the_next(core, tmp_path, monkeypatch, answered):
    """Solr goes away after some batches, at the commit at the latest; another day may be published before."""
    plans = [plan_at(tmp_path, core, day) for day in DAYS[-3:]]
    expected = [behave(plan, some(seed, ITEMS[seed * 20 :])) for seed, plan in enumerate(plans)]
    publish.run(core, plans[0])
    with flaky_solr(core.urls[0]) as door, client_of(f"{door.url}/solr/{core.core}") as behind:
        update = behind.update_fields
        monkeypatch.setattr(behind, "update_fields", lambda updates, lanes: update(updates, batch=120, lanes=1))
        door.handler, door.status, door.refusing = "/update", 500, lambda done: done >= answered
        with pytest.raises(ServiceError):
            publish.run(behind, plans[1], checked=False)
    core.commit()  # as Solr does by itself sooner or later
    record = plans[0].open_lake().get_json(publish.RECORD)

    publish.run(core, plans[2], checked=False)

    assert {"day": DAYS[-3], "begun": DAYS[-2]} in record.values()
    now = held(core, plans[2])
    assert {item: now[item] for item in expected[2]} == expected[2]
    assert {now[item] for item in ITEMS[:40]} == {(0.0, 0.5)}


def test_a_document_that_was_indexed_anew_gets_its_values_back(core, tmp_path):
    plan = plan_at(tmp_path, core)
    expected = behave(plan, some(1))
    publish.run(core, plan)
    core.add([{"id": "song:5", "entity": "song", "title": "raga night remastered"}])
    assert "song:5" not in held(core, plan)

    found = publish.run(core, plan)

    assert found.facts["changed"] == 1
    assert held(core, plan) == expected


def test_an_item_that_solr_does_not_have_is_counted_never_made(core, tmp_path):
    plan = plan_at(tmp_path, core)
    behave(plan, some(1, [*ITEMS, "song:gone", "artist:ε"]))

    found = publish.run(core, plan)

    assert found.facts["unknown"] == 2
    assert core.select({"q": "*:*", "rows": 0}).body["response"]["numFound"] == len(ITEMS)


def test_values_out_of_band_are_held_back_unless_asked_for(core, tmp_path):
    before, after = plan_at(tmp_path, core, DAYS[-2]), plan_at(tmp_path, core)
    expected = behave(before, some(1))
    publish.run(core, before)
    behave(after, {item: (100.0 * plays, rate) for item, (plays, rate) in some(1, ITEMS[:150]).items()})

    found = publish.run(core, after)

    assert found.answer == "no"
    lost, moved = (name for name in found.facts["wrong"] if "beh_plays" in name)
    assert "50.0% of its items lose their value (at most 20.0%)" in lost
    assert "its spread moves by" in moved
    assert held(core, before) == expected
    assert publish.run(core, after, checked=False).answer == "yes"


def test_a_usual_day_is_in_band():
    random = np.random.default_rng(3)
    rows = random.exponential(2, (5000, 1)).astype(np.float32)
    values = publish.Values([f"i{n}" for n in range(5000)], ["f"], rows, np.zeros(1, np.float32))
    moved = (rows * random.normal(1, 0.1, rows.shape)).astype(np.float32)

    found = publish.compare(iter([([f"i{n}" for n in range(5000)], moved)]), values)

    assert publish.out_of_band(found, values, Publish()) == []
    assert len(found.ids) == 5000


def test_solrs_pages_are_all_documents_once(core):
    pages = list(core.field_values(["beh_x"], batch=70))

    assert [one for ids, _ in pages for one in ids] == sorted(ITEMS)
    assert all(np.isnan(rows).all() and rows.shape == (len(ids), 1) for ids, rows in pages)


def test_a_field_nobody_has_kept_the_meaning_of_is_named(tmp_path, core):
    plan = plan_at(tmp_path, core)
    publish.keep_definitions(plan)
    plays, rate = publish.serving_fields(plan)

    kept = publish.definitions(plan.open_lake(), [plays, rate])

    assert [one["measure"] for one in kept.values()] == ["plays", "completion"]
    with pytest.raises(MissingDataError, match=r"reads beh_old_1, of which .* no definition → roll back"):
        publish.definitions(plan.open_lake(), [plays, "beh_old_1"])


def test_a_publish_finds_what_a_retrain_of_the_same_fields_wrote(tmp_path, core):
    plan = plan_at(tmp_path, core)
    definitions = {name: one.model_dump(mode="json") for name, one in publish.serving_fields(plan).items()}
    other_way = dict(reversed(definitions.items()))

    assert publish.behaviour_version(dataclasses.replace(plan, serving=other_way)) == publish.behaviour_version(plan)
    fewer = dict(list(definitions.items())[:1])
    assert publish.behaviour_version(dataclasses.replace(plan, serving=fewer)) != publish.behaviour_version(plan)


def test_an_upload_leaves_what_is_newer(core, tmp_path):
    plan = plan_at(tmp_path, core)
    behave(plan, some(1))
    publish.run(core, plan, [next(iter(publish.serving_fields(plan)))])
    plays, rate = publish.serving_fields(plan)

    lake = plan.open_lake()
    assert publish.not_newer(lake, [plays, rate], DAYS[-2]) == [rate]
    assert publish.not_newer(lake, [plays, rate], DAYS[-1]) == [plays, rate]


def test_searches_are_watched_and_their_errors_counted(core):
    good, bad = {"q": "raga"}, {"q": "raga", "defType": "no_such_parser"}

    with watched(core, [good, good, good, bad], "/search", 200.0) as seen:
        before = dict(seen["before"])
        core.update_fields([("song:1", {"beh_y": 1.0})])
    meanwhile = seen["meanwhile"]

    assert (before["asked"], before["errors"]) == (40, 10)
    assert 0 < before["p50_ms"] <= before["p95_ms"] <= before["p99_ms"]
    assert meanwhile["asked"] >= 1
    assert meanwhile["errors"] <= math.ceil(meanwhile["asked"] / 4)


def test_nothing_to_watch_is_nothing_seen(core):
    with watched(core, [], "/search", 10.0) as seen:
        pass

    assert seen == {}
    assert isinstance(core, SolrClient)
