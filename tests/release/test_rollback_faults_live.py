"""Rolling back when something else is wrong: a node is away, a model was altered or is being pruned."""

import sys
from datetime import UTC, date, datetime

import pytest

from builders.solr_cloud import collection
from builders.solr_core import FEATURES, REQUEST, client_of, linear_candidate
from reprise.errors import UsageError
from reprise.release import Approval, ensure_release_zero, live, promote, prune, releases, rollback, status, upload
from reprise.release.intact import trouble
from reprise.release.record import RELEASES, read_pointer
from reprise.solr import SolrClient

pytestmark = pytest.mark.solr
LIMIT = 1_000_000
FIRST, SECOND, THIRD = (linear_candidate(weight) for weight in (5000.0, -5000.0, 17.25))


def approval():
    return Approval("mira", datetime.now(UTC).isoformat(), "report-1")


def release_all(client, *candidates):
    for candidate in candidates:
        upload(client, candidate, LIMIT)
        promote(client, candidate, live(client).number, approval())


@pytest.fixture
def bare(new_core):
    """A core with two releases beside release 0, the second of them live."""
    with client_of(new_core()) as client:
        ensure_release_zero(client, REQUEST)
        release_all(client, FIRST, SECOND)
        yield client


def test_a_node_that_is_away_does_not_stand_in_the_way(cloud):
    with collection(cloud) as client:
        ensure_release_zero(client, REQUEST)
        release_all(client, FIRST, SECOND)
        pinned, other = client.replicas()
        cloud.kill(cloud.nodes.index(pinned.url))

        with SolrClient(cloud.nodes, client.core, timeout_s=40) as again:
            again.pin(pinned.address)
            rolled = rollback(again, 1, "odd results", "ops")
            seen = status(again)

        assert rolled.release.number == 1
        assert list(rolled.unconfirmed) == [pinned.address]
        assert "does not answer" in rolled.unconfirmed[pinned.address]
        assert {one.url: one.release for one in seen.replicas} == {pinned.address: None, other.address: 1}
        assert not seen.agreed


def alter_model(client):
    client.delete_model(FIRST.model)
    client.put_model({**THIRD.solr_model(), "name": FIRST.model})


def alter_store(client):
    for name in [model["name"] for model in client.models()]:
        client.delete_model(name)
    client.delete_feature_store(FIRST.store)
    client.put_features(FIRST.store, [{**FEATURES[-1], "params": {"value": 2}}, *FEATURES[:-1]])
    client.put_model(FIRST.solr_model())


@pytest.mark.parametrize(("alter", "said"), [(alter_model, "model"), (alter_store, "feature store")])
def test_a_release_altered_by_hand_is_not_served_again(bare, alter, said):
    before = bare.paramsets()
    alter(bare)

    with pytest.raises(UsageError, match=rf"the {said} .* was altered by hand") as refused:
        rollback(bare, 1, "back", "ops")

    assert "release 0 always works" in refused.value.remedy
    assert bare.paramsets() == before
    assert rollback(bare, 0, "then this", "ops").release.number == 0


def test_a_release_that_is_pruned_between_look_and_write_is_not_left_live(bare):
    rollback(bare, 0, "aside", "ops")
    release_two = releases(bare)[2]

    class Pruning(SolrClient):
        def write_paramsets(self, replace, merge=None, timeout_s=None):
            if bare.model(FIRST.model):
                bare.delete_model(FIRST.model)
            super().write_paramsets(replace, merge, timeout_s)

    rollback(bare, 2, "the one that is left", "ops")
    with client_of(bare.address(), Pruning) as client, pytest.raises(UsageError, match="release 2 is live"):
        rollback(client, 1, "back", "ops")

    assert live(bare) == release_two


def test_what_a_rollback_points_at_while_it_is_pruned_is_put_back(bare):
    release_all(bare, THIRD)

    class Interrupted(SolrClient):
        def delete_model(self, name):
            if name == FIRST.model:
                rollback(bare, 1, "in the middle", "ops")
            super().delete_model(name)

    with client_of(bare.address(), Interrupted) as client:
        gone = prune(client, last=0)

    assert gone == []
    assert live(bare).number == 1
    assert trouble(bare, FIRST, bare.pinned) == ""


def test_a_pruned_release_says_so_and_cannot_come_back(bare):
    release_all(bare, THIRD)

    assert prune(bare, last=1) == [FIRST.model]
    assert prune(bare, last=1) == []

    first = releases(bare)[1]
    assert (first.number, first.pruned[:4], first.model) == (1, str(datetime.now(UTC).year), FIRST.model)
    upload(bare, FIRST, LIMIT)
    with pytest.raises(UsageError, match="release 1 cannot be served: it was pruned on"):
        rollback(bare, 1, "back", "ops")


def test_the_record_stays_small(bare, monkeypatch):
    monkeypatch.setattr(sys.modules["reprise.release.prune"], "KEPT_SWITCHES", 4)
    for number in (0, 2, 0, 2, 1, 2):
        rollback(bare, number, "to and fro", "ops")
    newest = read_pointer(bare).switches[-4:]

    prune(bare, last=5)

    assert read_pointer(bare).switches == newest
    assert [text for text in bare.paramsets()[RELEASES].values() if text is None] == [None] * 4


def test_status_says_what_is_live_since_when_and_how_old(bare):
    found = status(bare, date(2026, 9, 24))

    assert (found.live.number, found.previous.number, found.age_days) == (2, 1, 10)
    assert found.since == read_pointer(bare).switches[-1].at
    assert found.agreed
    assert [(one.url, one.release, one.trouble) for one in found.replicas] == [(bare.pinned, 2, "")]
    rollback(bare, 0, "back", "ops")
    assert status(bare).age_days is None

    alter_model(bare)
    assert status(bare).agreed, "what is not live may be whatever it is"
    rollback(bare, 2, "forward", "ops")
    bare.delete_model(SECOND.model)
    assert status(bare).replicas[0].trouble == f"{SECOND.model!r} is not on {bare.pinned} any more"
