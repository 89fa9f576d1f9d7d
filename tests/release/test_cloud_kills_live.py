"""Upload and promotion on a SolrCloud, killed at each request and repeated, end as undisturbed ones."""

import pytest

from builders.dying_solr import Counting, Dying, Killed
from builders.solr_cloud import collection
from builders.solr_core import REQUEST, approval, candidate, linear_candidate
from reprise.release import ensure_release_zero, live, promote, releases, rollback, upload
from reprise.release.upload import differences

pytestmark = pytest.mark.solr
LIMIT = 1_000_000
SMALL = linear_candidate(5000.0)


def large_candidate():
    """Return one whose model gets a file of its own."""
    trees = [{"weight": "1", "root": {"value": "0.12345678"}} for _ in range(2_500)]
    model = {"features": [{"name": "intercept"}], "params": {"trees": trees}}
    return candidate("lambdamart", {"class": "org.apache.solr.ltr.model.MultipleAdditiveTreesModel", **model})


@pytest.fixture(scope="module")
def client(cloud):
    """A collection of two replicas with release 0 and no documents."""
    with collection(cloud) as client:
        ensure_release_zero(client, REQUEST)
        yield client


def test_an_upload_killed_after_any_write_or_reload_and_repeated_is_complete(client):
    """Reads change nothing, so that these are all the states that a kill can leave behind."""
    one = large_candidate()
    with Counting(client.nodes, client.core) as counting:
        upload(counting, one, LIMIT)
    moments = [n for n, (method, path) in enumerate(counting.sent) if method != "GET" or "RELOAD" in path]
    assert len(moments) >= 4, counting.sent  # two reloads, the store, the file and its wrapper
    client.delete_model(one.model)
    client.delete_feature_store(one.store)
    client.reload()

    for number in moments:
        with Dying(client.nodes, client.core, number, after=True) as dying, pytest.raises(Killed):
            upload(dying, one, LIMIT)
        upload(client, one, LIMIT)
        assert differences(client, one) == []
        assert [model["name"] for model in client.models()] == [one.model]
        client.delete_model(one.model)
        client.delete_feature_store(one.store)
        client.reload()


@pytest.mark.parametrize("after", [False, True], ids=["before a request", "after a request"])
def test_a_promotion_killed_anywhere_and_repeated_makes_one_release(client, after):
    upload(client, SMALL, LIMIT)
    before = [one.number for one in releases(client)]
    number = 0
    while live(client).number == 0:
        with Dying(client.nodes, client.core, number, after) as dying, pytest.raises(Killed):
            promote(dying, SMALL, 0, approval())
        number += 1

    release = promote(client, SMALL, 0, approval())

    assert number > 6
    assert live(client) == release
    assert [one.number for one in releases(client)] == [*before, before[-1] + 1]
    rollback(client, 0, "over", "test")
