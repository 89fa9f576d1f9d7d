"""ZooKeeper bounds every file: what Solr would lose without a word is caught, and large models lie in files apart."""

import sys

import httpx
import numpy as np
import pytest

from builders.solr_cloud import collection
from builders.solr_core import FEATURES, QUERIES, REQUEST, approval, candidate, fill, linear_candidate, trees_candidate
from reprise.errors import ServiceError, UsageError
from reprise.release import Probe, ensure_release_zero, live, promote, prune, rollback, upload, verify
from reprise.release.upload import differences
from reprise.solr import SolrClient
from reprise.solr.stored import features_bytes, models_bytes, written_bytes

pytestmark = pytest.mark.solr
LIMIT = 1_000_000
POPULAR, UNPOPULAR = linear_candidate(5000.0), linear_candidate(-5000.0)


class AllInOneList(SolrClient):
    """Puts every model into the list, however large."""

    def lies_apart(self, model):
        return False


@pytest.fixture(scope="module")
def shared(cloud):
    """A filled collection of two replicas, with release 0."""
    with collection(cloud) as client:
        fill(client)
        ensure_release_zero(client, REQUEST)
        yield client


@pytest.fixture
def client(shared):
    yield shared
    rollback(shared, 0, "over", "test")
    for model in shared.models():
        shared.delete_model(model["name"])
    shared.reload()


def stumps(count):
    """Return a candidate of trees with one leaf each."""
    trees = [{"weight": "1", "root": {"value": "0.12345678"}} for _ in range(count)]
    model = {"features": [{"name": "intercept"}], "params": {"trees": trees}}
    return candidate("lambdamart", {"class": "org.apache.solr.ltr.model.MultipleAdditiveTreesModel", **model})


def in_zookeeper(client, file):
    """Return how large one of the collection's files is there."""
    path = f"/configs/{client.core}/{file}"
    answer = httpx.get(f"{client.nodes[0]}/admin/zookeeper", params={"detail": "true", "path": path})
    return answer.json()["znode"]["prop"]["dataLength"]


def test_a_model_that_zookeeper_does_not_take_is_noticed_and_the_next_one_is_kept(client, monkeypatch):
    """Solr answers 200, and forgets at the reload. Once: each such write costs it a quarter of a minute."""
    large = stumps(32_000)
    monkeypatch.setattr(sys.modules["reprise.release.upload"], "_ATTEMPTS", 1)
    assert models_bytes([large.solr_model()], 2) > 2_600_000

    with AllInOneList(client.nodes, client.core) as careless, pytest.raises(ServiceError, match="did not keep it"):
        upload(careless, large, 10 * LIMIT, 10 * LIMIT)

    assert [client.model(large.model, url) for url in client.urls] == [None, None]

    assert upload(client, POPULAR, LIMIT).model == POPULAR.model
    assert differences(client, POPULAR) == []


def test_the_lists_are_as_large_as_computed(client):
    for one in (POPULAR, UNPOPULAR):
        upload(client, one, LIMIT)
    with AllInOneList(client.nodes, client.core) as careless:
        upload(careless, stumps(2_000), LIMIT)
    features = [one for store in client.feature_stores() for one in client.features(store)]

    assert models_bytes(client.stored_models(), 2) == in_zookeeper(client, "_schema_model-store.json")
    assert features_bytes(features, 2) == in_zookeeper(client, "_schema_feature-store.json")
    assert written_bytes({"params": client.paramsets()}, 2) == in_zookeeper(client, "params.json")


def test_a_candidate_without_room_is_refused_before_anything_is_written(client):
    upload(client, POPULAR, LIMIT)
    before = client.stored_models()
    room = models_bytes(before, 2) + 100

    with pytest.raises(UsageError, match=r"the models of Solr's core .* \(1 models\), it needs 1,0\d\d") as refusal:
        upload(client, UNPOPULAR, LIMIT, room)
    with pytest.raises(UsageError, match=r"needs a file of .* bytes in ZooKeeper, more than 1,000,000"):
        upload(client, stumps(32_000), 10 * LIMIT)

    assert refusal.value.remedy.endswith(POPULAR.model)
    assert "`reprise release prune` frees up to" in refusal.value.remedy
    assert client.stored_models() == before
    assert prune(client, last=0) == [POPULAR.model, POPULAR.store]
    assert upload(client, UNPOPULAR, LIMIT, max(room, in_zookeeper(client, "params.json") + 10_000))


def test_large_models_lie_apart_and_serve_on_every_replica(client):
    """Together they are larger than ZooKeeper's limit, so they could not be in one list."""
    vectors = np.random.default_rng(5).random((2000, len(FEATURES))).astype(np.float32)
    trees = [trees_candidate(vectors * scale, 300) for scale in (1.0, 0.5)]

    for number, one in enumerate(trees):
        upload(client, one, LIMIT)
        found = verify(client, one, [Probe({"q": query}) for query in QUERIES[:4]], REQUEST, min_pairs=100)
        assert (found.answer, found.mismatching) == ("yes", 0)
        promote(client, one, number, approval())

    assert models_bytes([one.solr_model() for one in trees], 2) > 1_048_576
    assert in_zookeeper(client, "_schema_model-store.json") < 2_000
    for url in client.urls:
        assert all(one["features"] == [] for one in client.stored_models(url))
        there = {one["name"]: one["params"] for one in client.models(url)}
        assert there == {one.model: one.model_json["params"] for one in trees}
    assert rollback(client, None, "odd", "ops").release.model == trees[0].model
    assert live(client).model == trees[0].model


def test_a_file_that_was_altered_is_noticed(client):
    one = stumps(4_000)
    upload(client, one, LIMIT)
    client._write_file(f"reprise_models/{one.model}.json", stumps(4_001).solr_model())

    found = differences(client, one)

    assert [url for url in client.urls if f"{url} has another model {one.model!r}" in found] == client.urls
    with pytest.raises(UsageError, match="not the candidate's"):
        upload(client, one, LIMIT)


def test_where_solr_takes_no_files_a_large_model_stays_in_the_list(cloud):
    one = stumps(3_000)
    with collection(cloud, trusted=True) as trusted:
        ensure_release_zero(trusted, REQUEST)
        size = upload(trusted, one, LIMIT).model_bytes

        assert differences(trusted, one) == []
        assert size < in_zookeeper(trusted, "_schema_model-store.json") < size + 200
        with pytest.raises(UsageError, match="the models of Solr's core"):
            upload(trusted, stumps(3_001), LIMIT, size + 10_000)
