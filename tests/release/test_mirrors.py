"""Copies of the record: what they miss is said, and what Solr has dropped they keep."""

from dataclasses import replace

from reprise.errors import ServiceError
from reprise.lake import Lake
from reprise.release import Release, ReplicaState, Status
from reprise.release.mirrors import copy_record, mirrors
from reprise.release.record import Switch
from reprise.release.staged import stage, staged, unstage

ZERO = Release(0, "engine-order", "2026-09-01T00:00:00+00:00", {"qf": "title"}, "setup", "")
ONE = Release(1, "reprise_linear_a", "2026-09-08T00:00:00+00:00", {}, "mira", "", rq="{!ltr model=a}", store="s")
TO_ONE = Switch("promote", 0, 1, "mira", "", "2026-09-08T00:00:00+00:00")
BACK = Switch("rollback", 1, 0, "ops", "", "2026-09-09T00:00:00+00:00")


def found(live=ONE, previous=ZERO, releases=(ZERO, ONE), switches=(TO_ONE,)):
    replicas = [ReplicaState("http://solr", live.number)]
    return Status(live, live.time, None, previous, replicas, list(releases), list(switches))


def test_each_copy_stands_beside_what_it_should_say(tmp_path):
    lake = Lake(str(tmp_path))
    assert [(m.name, m.says, m.ok) for m in mirrors(found(), lake, {"champion": ONE.model})] == [
        ("lake", "no copy", False),
        ("MLflow champion", ONE.model, True),
        ("MLflow previous", "none", True),
    ]

    copy_record(found(), lake)

    assert all(mirror.ok for mirror in mirrors(found(), lake, {"champion": ONE.model}))
    rolled = found(live=ZERO, previous=ONE, switches=(TO_ONE, BACK))
    assert {m.name: (m.says, m.should, m.ok) for m in mirrors(rolled, lake, {"champion": ONE.model})} == {
        "lake": ("release 1 of 2, without the switch of 2026-09-09T00:00:00+00:00", "release 0 of 2", False),
        "MLflow champion": (ONE.model, "none", False),
        "MLflow previous": ("none", ONE.model, False),
    }


def test_a_copy_that_cannot_be_read_is_behind_and_says_why():
    assert {m.says for m in mirrors(found(), None, ServiceError("MLflow is away"))} == {"MLflow is away"}
    assert mirrors(found(), None, None) == []


def test_the_lake_keeps_what_solr_drops(tmp_path):
    lake = Lake(str(tmp_path))
    copy_record(found(), lake)
    short = replace(ONE, store="", pruned="2026-10-01T00:00:00+00:00")

    copy_record(found(live=ZERO, releases=(ZERO, short), switches=(BACK,)), lake)

    kept = lake.get_json("releases.json")
    assert [entry["number"] for entry in kept["releases"]] == [0, 1]
    assert (kept["releases"][1]["store"], kept["releases"][1]["pruned"]) == ("s", short.pruned)
    assert [switch["at"] for switch in kept["switches"]] == [TO_ONE.at, BACK.at]


def test_what_waits_for_a_review_is_known_to_every_deployment_on_the_core(tmp_path):
    root = str(tmp_path)
    stage(root, "music", "reprise_linear_a", "scheduled__2026-09-08T03:00:00+00:00")
    stage(root, "music", "reprise_linear_a", "manual/other")
    stage(root, "videos", "reprise_linear_b", "manual/other")

    assert staged(root, "music") == {"reprise_linear_a"}
    unstage(root, "music", "manual/other")
    assert staged(root, "music") == {"reprise_linear_a"}
    unstage(root, "music", "scheduled__2026-09-08T03:00:00+00:00")
    assert staged(root, "music") == set()
    assert staged(root, "videos") == {"reprise_linear_b"}
