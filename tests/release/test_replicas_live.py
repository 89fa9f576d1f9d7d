"""One replica that lags is enough to stop a release; each check asks every replica."""

from datetime import UTC, datetime

import pytest

from builders.replicas import TwoReplicas
from builders.solr_core import QUERIES, REQUEST, client_of, fill, linear_candidate
from reprise.errors import ServiceError, SupersededError, UsageError
from reprise.release import Approval, Probe, ensure_release_zero, live, promote, prune, rollback, upload, verify
from reprise.release.upload import differences

pytestmark = pytest.mark.solr
LIMIT = 1_000_000
MODEL, OTHER = linear_candidate(5000.0), linear_candidate(-5000.0)


def approval():
    return Approval("mira", datetime.now(UTC).isoformat(), "report-1")


@pytest.fixture
def replicas(new_core):
    """The client of both, and one of each alone."""
    urls = new_core(), new_core()
    with TwoReplicas(*urls) as both, client_of(urls[0]) as pinned, client_of(urls[1]) as second:
        for one in (pinned, second):
            ensure_release_zero(one, REQUEST)
        yield both, pinned, second


def test_an_upload_that_one_replica_did_not_get_is_an_error_naming_it(replicas):
    both, _, second = replicas

    with pytest.raises(ServiceError, match="http://replica-2/solr has no model"):
        upload(both, MODEL, LIMIT)

    upload(second, MODEL, LIMIT)
    assert upload(both, MODEL, LIMIT).model == MODEL.model
    assert differences(both, MODEL) == []


def test_every_replica_must_score_as_the_offline_scorer(replicas):
    both, pinned, second = replicas
    for one in (pinned, second):
        fill(one)
        one.put_features(MODEL.store, MODEL.features)
    pinned.put_model(MODEL.solr_model())
    second.put_model({**OTHER.solr_model(), "name": MODEL.model})

    found = verify(both, MODEL, [Probe({"q": query}) for query in QUERIES], REQUEST)

    assert found.answer == "no"
    assert found.pairs == found.mismatching
    assert {example.url for example in found.examples} == {"http://replica-2/solr"}


def test_a_promotion_that_one_replica_did_not_follow_is_superseded(replicas):
    both, pinned, second = replicas
    for one in (pinned, second):
        upload(one, MODEL, LIMIT)

    with pytest.raises(SupersededError, match="is not live"):
        promote(both, MODEL, 0, approval())

    assert live(second).number == 0


def test_a_model_missing_on_one_replica_is_not_rolled_back_to(replicas):
    both, pinned, _ = replicas
    upload(pinned, MODEL, LIMIT)
    promote(pinned, MODEL, 0, approval())
    rollback(pinned, 0, "test", "ops")

    with pytest.raises(UsageError, match="is not on http://replica-2/solr"):
        rollback(both, 1, "again", "ops")

    assert live(pinned).number == 0


def test_a_rollback_that_a_replica_does_not_follow_is_an_error(replicas):
    both, pinned, second = replicas
    for one in (pinned, second):
        upload(one, MODEL, LIMIT)
        promote(one, MODEL, 0, approval())

    with pytest.raises(ServiceError, match="overwritten twice"):
        rollback(both, 0, "test", "ops")

    assert live(pinned).number == 0


def test_prune_keeps_what_is_live_on_any_replica(replicas):
    both, pinned, second = replicas
    for one in (pinned, second):
        upload(one, MODEL, LIMIT)
    promote(second, MODEL, 0, approval())

    assert prune(both, last=0) == []
    assert pinned.model(MODEL.model) is not None
