"""The release protocol against a running Solr: what a search answers, and what survives killing and racing."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from builders.dying_solr import Counting, Dying, Killed
from builders.solr_core import FEATURES, NAMES, QUERIES, REQUEST, client_of, fill, linear_candidate, trees_candidate
from reprise.errors import ServiceError, SupersededError, UsageError
from reprise.release import (
    Approval,
    Probe,
    champion,
    ensure_release_zero,
    live,
    promote,
    prune,
    releases,
    rollback,
    upload,
    verify,
)
from reprise.release.record import HOLD, LIVE, PREVIOUS, RELEASES, read_pointer
from reprise.release.upload import differences
from reprise.settings import Request
from reprise.solr import SolrClient
from reprise.solr.stored import models_bytes

pytestmark = pytest.mark.solr
LIMIT = 1_000_000
POPULAR, UNPOPULAR = linear_candidate(5000.0), linear_candidate(-5000.0)


def approval(days_ago=0.0):
    return Approval("mira", (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(), "report-1")


@pytest.fixture
def client(new_core):
    with client_of(new_core()) as client:
        fill(client)
        ensure_release_zero(client, REQUEST)
        yield client


@pytest.fixture
def bare(new_core):
    """A core with release 0 and no documents."""
    with client_of(new_core()) as client:
        ensure_release_zero(client, REQUEST)
        yield client


def search(client, query="raga", **more):
    """Return item ids as an application gets them: its own request and the live paramset, never an rq."""
    answer = client.select({"q": query, "useParams": LIVE, "fl": "id", "rows": 50, **more}, "/search")
    return [document["id"] for document in answer.body["response"]["docs"]]


def requests_of(client, action):
    with Counting(client.urls, client.core) as counting:
        action(counting)
        return counting.sent


def test_promotion_gives_the_new_order_and_rollback_the_old_one_without_an_upload(client):
    old = search(client)
    popularity = {
        document["id"]: document["popularity"]
        for document in client.select({"q": "*:*", "rows": 1000, "fl": "id,popularity"}).body["response"]["docs"]
    }
    upload(client, POPULAR, LIMIT)
    assert search(client) == old

    release = promote(client, POPULAR, 0, approval())

    new = search(client)
    assert new != old
    assert sorted(search(client, rows=100), key=lambda item: -popularity[item])[:5] == new[:5]
    assert live(client) == release
    assert (release.number, release.model, release.approver) == (1, POPULAR.model, "mira")

    sent = requests_of(client, lambda counting: rollback(counting, None, "worse", "ops"))

    assert search(client) == old
    assert live(client).number == 0
    assert [path for method, path in sent if method != "GET"] == ["/config/params"]
    assert not any("RELOAD" in path or "/admin/cores" in path for _, path in sent)
    assert rollback(client, None, "it was fine", "ops").release == release
    assert search(client) == new


def test_an_application_learns_which_release_answered(client):
    def answered():
        fields = {"fl": "id,release:$reprise.release", "useParams": LIVE, "q": "raga"}
        return {document["release"] for document in client.select(fields, "/search").body["response"]["docs"]}

    upload(client, POPULAR, LIMIT)

    assert answered() == {0}
    promote(client, POPULAR, 0, approval())
    assert answered() == {1}


@pytest.mark.parametrize("family", ["linear", "lambdamart"])
def test_an_uploaded_candidate_is_verified_bit_for_bit_on_over_1000_pairs(client, family):
    candidate = POPULAR
    if family == "lambdamart":
        client.put_features("scratch", FEATURES)
        log = client.log_features("scratch", {"q": "*:*"}, {"q": "$q"}, "/search", rows=300)
        candidate = trees_candidate(log.values)
    upload(client, candidate, LIMIT)
    values = client.log_features(candidate.store, {"q": "raga"}, {"q": "$q"}, "/search")
    trained = {item: dict(zip(NAMES, row, strict=True)) for item, row in zip(values.ids, values.values, strict=True)}
    first = values.ids[0]
    trained[first] = {**trained[first], "title": trained[first]["title"] + 1.0}
    trained["song:gone"] = dict.fromkeys(NAMES, 0.0)
    probes = [Probe({"q": "raga"}, trained), *(Probe({"q": query}) for query in QUERIES[1:])]

    found = verify(client, candidate, probes, REQUEST)

    assert found.answer == "yes"
    assert found.pairs >= 1000
    assert (found.mismatching, found.unmatched, found.unreachable) == (0, 0, 1)
    assert 0 < found.without_model.median_ms <= found.without_model.p95_ms
    assert 0 < found.with_model.median_ms <= found.with_model.p95_ms
    skew = {entry.feature: entry for entry in found.skew}
    assert skew["title"].differing_share == pytest.approx(1 / len(values.ids))
    assert skew["title"].largest_difference == pytest.approx(1.0, abs=1e-5)
    assert skew["rate"].differing_share == 0.0


def test_verification_says_no_to_a_model_that_is_not_the_candidates(client):
    client.put_features(POPULAR.store, FEATURES)
    client.put_model({**UNPOPULAR.solr_model(), "name": POPULAR.model})

    found = verify(client, POPULAR, [Probe({"q": "raga"})], REQUEST)

    assert found.answer == "no"
    assert found.mismatching == found.pairs
    assert len(found.examples) == 5


def test_too_few_pairs_prove_nothing(client):
    upload(client, POPULAR, LIMIT)

    assert verify(client, POPULAR, [Probe({"q": "raga"})], REQUEST).answer == "cannot tell"


@pytest.mark.parametrize("after", [False, True], ids=["before a request", "after a request"])
def test_an_upload_killed_anywhere_and_repeated_ends_as_an_undisturbed_one(new_core, after):
    with client_of(new_core()) as undisturbed:
        total = len(requests_of(undisturbed, lambda counting: upload(counting, POPULAR, LIMIT)))
        expected = (undisturbed.models(), undisturbed.features(POPULAR.store))
    assert total > 6

    with client_of(new_core()) as client:
        for number in range(total):
            with Dying(client.urls, client.core, number, after) as dying, pytest.raises(Killed):
                upload(dying, POPULAR, LIMIT)
            upload(client, POPULAR, LIMIT)
            assert differences(client, POPULAR) == []
            assert (client.models(), client.features(POPULAR.store)) == expected
            assert client.feature_stores() == [POPULAR.store]
            client.delete_model(POPULAR.model)
            client.delete_feature_store(POPULAR.store)


@pytest.mark.parametrize("after", [False, True], ids=["before a request", "after a request"])
def test_a_promotion_killed_anywhere_and_repeated_makes_one_release(new_core, after):
    with client_of(new_core()) as client:
        ensure_release_zero(client, REQUEST)
        upload(client, POPULAR, LIMIT)
        number = 0
        while live(client).number == 0:
            with Dying(client.urls, client.core, number, after) as dying, pytest.raises(Killed):
                promote(dying, POPULAR, 0, approval())
            number += 1

        release = promote(client, POPULAR, 0, approval())

        assert number > 3
        assert live(client) == release
        assert [r.number for r in releases(client)] == [0, 1]


class Forgetful(SolrClient):
    """Solr's memory holds the model, its disk does not: as when a write to ZooKeeper failed without an error."""

    folder, times = None, 0

    def reload(self):
        if self.times:
            self.times -= 1
            for path in self.folder.rglob("_schema_model-store.json"):
                if POPULAR.model in path.read_text():
                    path.write_text('{"initArgs": {}, "managedList": []}')
        super().reload()


@pytest.mark.parametrize(("times", "kept"), [(1, True), (2, False)])
def test_a_model_that_was_taken_but_not_stored_is_put_again_or_an_error(bare, home, times, kept):
    with client_of(f"{bare.pinned}/{bare.core}", Forgetful) as forgetful:
        forgetful.folder, forgetful.times = home.root, times

        if kept:
            upload(forgetful, POPULAR, LIMIT)
        else:
            with pytest.raises(ServiceError, match="did not keep it"):
                upload(forgetful, POPULAR, LIMIT)

    assert (bare.model(POPULAR.model) is not None) == kept


def test_a_half_applied_store_is_completed_and_an_altered_one_refused(bare):
    bare.put_features(POPULAR.store, FEATURES[:2])
    upload(bare, POPULAR, LIMIT)
    assert differences(bare, POPULAR) == []

    bare.delete_model(POPULAR.model)
    bare.delete_feature_store(POPULAR.store)
    bare.put_features(POPULAR.store, [{**FEATURES[0], "params": {"q": "*:*"}}])
    with pytest.raises(UsageError, match=r"other definitions of \['title'\]"):
        upload(bare, POPULAR, LIMIT)


def test_an_altered_model_under_the_candidates_name_is_refused(bare):
    bare.put_features(POPULAR.store, FEATURES)
    bare.put_model({**UNPOPULAR.solr_model(), "name": POPULAR.model})

    with pytest.raises(UsageError, match="not the candidate's"):
        upload(bare, POPULAR, LIMIT)


def test_the_lock_is_held_around_the_writes_and_released_on_failure(bare):
    held = []

    class Lock:
        def __enter__(self):
            held.append("taken")

        def __exit__(self, *_):
            held.append("left")

    upload(bare, POPULAR, LIMIT, lock=Lock())
    assert held == ["taken", "left"]

    with Dying(bare.urls, bare.core, 5, False) as dying, pytest.raises(Killed):
        upload(dying, UNPOPULAR, LIMIT, lock=Lock())
    assert held == ["taken", "left"] * 2


def test_a_model_over_the_byte_gate_is_refused_before_anything_is_written(bare):
    with pytest.raises(UsageError, match="more than 100"):
        upload(bare, POPULAR, 100)

    assert (bare.models(), bare.feature_stores()) == ([], [])


def test_the_computed_size_is_the_stored_one(bare, home):
    upload(bare, POPULAR, LIMIT)
    files = [path for path in home.root.rglob("_schema_model-store.json") if POPULAR.model in path.read_text()]

    computed = models_bytes(bare.models(), bare.capabilities().indent)

    assert computed == max(path.stat().st_size for path in files)


def test_promotion_is_superseded_when_another_release_went_live(bare):
    upload(bare, POPULAR, LIMIT)
    upload(bare, UNPOPULAR, LIMIT)
    promote(bare, POPULAR, 0, approval())
    before = bare.paramsets()

    with pytest.raises(SupersededError, match="compared with release 0, but live is release 1"):
        promote(bare, UNPOPULAR, 0, approval())

    assert bare.paramsets() == before


def test_promotion_is_superseded_when_the_live_paramset_was_changed_by_hand(bare):
    upload(bare, POPULAR, LIMIT)
    bare.write_paramsets({LIVE: {"rq": "{!ltr model=other}"}})

    with pytest.raises(SupersededError, match="by hand"):
        promote(bare, POPULAR, 0, approval())
    with pytest.raises(ServiceError, match="is not what any release recorded"):
        live(bare)

    assert rollback(bare, 0, "repair", "ops").release.number == 0
    assert live(bare).number == 0


@pytest.mark.parametrize(("days", "superseded"), [(6.9, False), (7.1, True)])
def test_an_approval_counts_for_seven_days(bare, days, superseded):
    upload(bare, POPULAR, LIMIT)

    if superseded:
        with pytest.raises(SupersededError, match="'mira' is 7 days old"):
            promote(bare, POPULAR, 0, approval(days))
        assert live(bare).number == 0
    else:
        assert promote(bare, POPULAR, 0, approval(days)).number == 1


def test_an_approval_without_a_zone_is_wrong_use(bare):
    with pytest.raises(UsageError, match="zone"):
        promote(bare, POPULAR, 0, Approval("mira", "2026-09-14T10:00:00", "r"))


def test_a_candidate_that_is_live_already_is_returned_and_nothing_written(bare):
    upload(bare, POPULAR, LIMIT)
    release = promote(bare, POPULAR, 0, approval())

    sent = requests_of(bare, lambda counting: promote(counting, POPULAR, 0, approval(30)))

    assert {method for method, _ in sent} == {"GET"}
    assert promote(bare, POPULAR, 0, approval(30)) == release


def test_a_candidate_that_is_not_uploaded_cannot_go_live(bare):
    with pytest.raises(UsageError, match="no model"):
        promote(bare, POPULAR, 0, approval())

    assert live(bare).number == 0


def test_a_rollback_in_the_middle_of_a_promotion_wins(bare):
    """The promotion reads what is live once more, right before it writes."""
    upload(bare, POPULAR, LIMIT)
    upload(bare, UNPOPULAR, LIMIT)
    promote(bare, POPULAR, 0, approval())

    class Interrupted(SolrClient):
        def models(self, url=None):
            rollback(bare, 0, "worse", "ops")
            return super().models(url)

    with client_of(f"{bare.pinned}/{bare.core}", Interrupted) as interrupted, pytest.raises(SupersededError):
        promote(interrupted, UNPOPULAR, 1, approval())

    assert live(bare).number == 0
    assert [r.number for r in releases(bare)] == [0, 1]


def test_a_record_with_fields_of_a_later_version_can_still_be_rolled_back_to(bare):
    upload(bare, POPULAR, LIMIT)
    release = promote(bare, POPULAR, 0, approval())
    later = json.dumps({**release.to_dict(), "lane": "hold"})
    bare.write_paramsets({}, {RELEASES: {"release_1": later}})

    rollback(bare, 0, "worse", "ops")

    assert rollback(bare, 1, "better", "ops").release == release
    assert bare.paramsets()[RELEASES]["release_1"] == later


class Raced(SolrClient):
    """Another writer gets its write in, just before (or just after) this client's own."""

    rival, late = None, False

    def write_paramsets(self, replace, merge=None, timeout_s=None):
        rival, self.rival = self.rival, None
        if rival and not self.late:
            rival()
        super().write_paramsets(replace, merge, timeout_s)
        if rival and self.late:
            rival()


@pytest.mark.parametrize("late", [False, True], ids=["rival just before", "rival just after"])
def test_a_promotion_that_lost_the_race_says_superseded_and_does_not_write_again(bare, late):
    upload(bare, POPULAR, LIMIT)
    upload(bare, UNPOPULAR, LIMIT)
    with client_of(f"{bare.pinned}/{bare.core}", Raced) as raced:
        raced.rival, raced.late = (lambda: bare.write_paramsets({LIVE: {"reprise.release": "0"}})), late

        with pytest.raises(SupersededError, match="somebody wrote"):
            promote(raced, POPULAR, 0, approval())

    assert bare.paramsets()[LIVE][""]["v"] == 2


def test_a_rollback_that_lost_the_race_is_written_once_more_and_wins(bare):
    upload(bare, POPULAR, LIMIT)
    upload(bare, UNPOPULAR, LIMIT)
    promote(bare, POPULAR, 0, approval())
    with client_of(f"{bare.pinned}/{bare.core}", Raced) as raced:
        raced.rival, raced.late = (lambda: promote(bare, UNPOPULAR, 0, approval())), True

        assert rollback(raced, 0, "bad order", "ops").release.number == 0

    assert live(bare).number == 0
    assert [r.number for r in releases(bare)] == [0, 1, 2]


def test_a_rollback_to_a_release_whose_model_is_gone_is_refused(bare):
    upload(bare, POPULAR, LIMIT)
    promote(bare, POPULAR, 0, approval())
    rollback(bare, 0, "bad", "ops")
    bare.delete_model(POPULAR.model)

    with pytest.raises(UsageError, match="cannot be served"):
        rollback(bare, 1, "again", "ops")

    assert live(bare).number == 0


def test_a_rollback_to_a_release_that_never_was_lists_those_there_are(bare):
    with pytest.raises(UsageError, match="no release 7") as refusal:
        rollback(bare, 7, "?", "ops")
    with pytest.raises(UsageError, match="no previous release"):
        rollback(bare, None, "?", "ops")

    assert refusal.value.remedy == "choose one of: 0"


def test_rolling_back_to_what_is_live_writes_nothing(bare):
    sent = requests_of(bare, lambda counting: rollback(counting, 0, "sure", "ops"))

    assert {method for method, _ in sent} == {"GET"}


def test_every_switch_is_on_record_in_solr(bare):
    upload(bare, POPULAR, LIMIT)
    promote(bare, POPULAR, 0, approval())
    rollback(bare, None, "editors complain", "ops")

    switches = read_pointer(bare).switches

    assert [(s.action, s.from_release, s.to_release, s.by) for s in switches] == [
        ("promote", 0, 1, "mira"),
        ("rollback", 1, 0, "ops"),
    ]
    assert switches[1].reason == "editors complain"


def test_the_record_survives_a_reload_and_carries_the_request(new_core):
    request = Request(params={"fq": "entity:song", "qf": "title"})
    with client_of(new_core()) as client:
        fill(client)
        ensure_release_zero(client, request)
        upload(client, POPULAR, LIMIT)
        release = promote(client, POPULAR, 0, approval())
        client.reload()

        assert live(client) == release
        assert client.paramsets()[LIVE] == {**release.paramset(), "": {"v": 1}}
        assert release.paramset()["fq"] == "entity:song"
        assert set(client.paramsets()) >= {LIVE, PREVIOUS, RELEASES}
        assert champion(client)["features"] == FEATURES
        assert champion(client)["model"]["params"] == POPULAR.model_json["params"]


def test_release_zero_is_recorded_once_and_another_request_is_refused(bare):
    before = bare.paramsets()

    assert ensure_release_zero(bare, REQUEST).model == "engine-order"
    assert bare.paramsets() == before
    assert champion(bare)["model"] is None
    with pytest.raises(UsageError, match="recorded with the request"):
        ensure_release_zero(bare, Request(params={"qf": "title"}))


def ordered(client, paramset):
    body = client.select({"q": "raga", "useParams": paramset, "fl": "id", "rows": 10}, "/search").body
    return [one["id"] for one in body["response"]["docs"]]


def test_listeners_who_are_held_out_get_the_engines_order_whatever_is_live(bare):
    fill(bare, behaviour=False)
    engine = ordered(bare, LIVE)
    upload(bare, POPULAR, LIMIT)
    promote(bare, POPULAR, 0, approval())

    assert read_pointer(bare).lanes == {LIVE: 1, HOLD: 0, PREVIOUS: 0}
    assert ordered(bare, HOLD) == engine != ordered(bare, LIVE)
    rollback(bare, 0, "editors complain", "ops")
    rollback(bare, 1, "they do not", "ops")
    assert ordered(bare, HOLD) == engine


@pytest.mark.parametrize("altered", [{"rows": "3"}, None])
def test_an_altered_hold_out_is_set_right_and_what_is_live_is_not_written(bare, altered):
    bare.post("/config/params", {"set": {HOLD: altered}} if altered else {"delete": [HOLD]})
    before = read_pointer(bare)

    ensure_release_zero(bare, REQUEST)

    assert (before.lanes[HOLD], read_pointer(bare).lanes[HOLD]) == (None, 0)
    assert (before.version, before.live) == (read_pointer(bare).version, read_pointer(bare).live)


def test_a_core_without_releases_says_so(new_core):
    with client_of(new_core()) as client, pytest.raises(UsageError, match="has no releases"):
        live(client)


def test_prune_keeps_live_previous_staged_and_foreign_models(bare):
    candidates = [linear_candidate(float(n)) for n in range(1, 5)]
    lone = linear_candidate(9.0, features=[*FEATURES[:-1], {**FEATURES[-1], "params": {"value": 2}}])
    for number, candidate in enumerate(candidates[:3]):
        upload(bare, candidate, LIMIT)
        promote(bare, candidate, number, approval())
    upload(bare, candidates[3], LIMIT)
    upload(bare, lone, LIMIT)
    bare.put_features("theirs", FEATURES)
    bare.put_features("theirs_unused", FEATURES)
    bare.put_model({**lone.solr_model(), "name": "theirs", "store": "theirs"})

    gone = prune(bare, staged=[candidates[3].model], last=0)

    assert gone == [candidates[0].model, lone.model, lone.store]
    assert {model["name"] for model in bare.models()} == {*(c.model for c in candidates[1:]), "theirs"}
    assert set(bare.feature_stores()) == {candidates[0].store, "theirs", "theirs_unused"}
    assert rollback(bare, None, "check", "ops").release.model == candidates[1].model


def test_prune_deletes_nothing_while_the_pointer_is_unclear(bare):
    upload(bare, POPULAR, LIMIT)
    bare.write_paramsets({LIVE: {"rq": f"{{!ltr model={POPULAR.model}}}"}})

    with pytest.raises(ServiceError, match="nothing was pruned"):
        prune(bare, last=0)

    assert bare.model(POPULAR.model) is not None
