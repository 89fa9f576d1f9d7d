"""The release protocol on a SolrCloud of two nodes: every replica is asked by itself, and one that is away is named."""

import re
from datetime import UTC, datetime

import pytest

from builders.solr_cloud import collection, wait_until_active
from builders.solr_core import QUERIES, REQUEST, fill, linear_candidate
from reprise.errors import UnavailableError, UsageError
from reprise.release import Approval, Probe, ensure_release_zero, live, promote, prune, rollback, upload, verify
from reprise.release.record import LIVE, read_pointer
from reprise.release.upload import differences
from reprise.solr import SolrClient

pytestmark = pytest.mark.solr
LIMIT = 1_000_000
POPULAR, UNPOPULAR = linear_candidate(5000.0), linear_candidate(-5000.0)


def approval():
    return Approval("mira", datetime.now(UTC).isoformat(), "report-1")


@pytest.fixture
def client(cloud):
    """A filled collection of two replicas, with release 0."""
    with collection(cloud) as client:
        fill(client)
        ensure_release_zero(client, REQUEST)
        yield client


def answers(client, query="raga", only=""):
    """Return what each replica answers an application, as (release, item ids)."""
    asked = {"q": query, "useParams": LIVE, "fl": "id,release:$reprise.release", "rows": 50}
    found = []
    for url in [only] if only else client.urls:
        documents = client.select(asked, "/search", url).body["response"]["docs"]
        found.append(({one["release"] for one in documents}, [one["id"] for one in documents]))
    return found


def test_a_candidate_goes_live_on_every_replica_and_back(client):
    assert len(client.urls) == 2
    (released, old), second = answers(client)
    assert (released, old) == second == ({0}, old)

    uploaded = upload(client, POPULAR, LIMIT)
    found = verify(client, POPULAR, [Probe({"q": query}) for query in QUERIES], REQUEST, min_pairs=100)

    assert uploaded.model == POPULAR.model
    assert differences(client, POPULAR) == []
    assert (found.answer, found.mismatching) == ("yes", 0)
    assert answers(client) == [({0}, old)] * 2

    release = promote(client, POPULAR, 0, approval())

    (released, new), second = answers(client)
    assert new != old
    assert (released, new) == second == ({1}, new)
    assert [read_pointer(client, url).live for url in client.urls] == [release] * 2

    rollback(client, 0, "odd", "ops")

    assert answers(client) == [({0}, old)] * 2
    assert live(client).number == 0


def test_what_another_core_wrote_is_not_lost(client):
    """A core rewrites the whole list from its own memory; whoever writes next must have it reloaded first."""
    other = client.urls[1]
    client._transport.send(
        "PUT", f"{other}/schema/feature-store", body=[{**f, "store": UNPOPULAR.store} for f in UNPOPULAR.features]
    )
    client._transport.send("PUT", f"{other}/schema/model-store", body=UNPOPULAR.solr_model())
    assert client.model(UNPOPULAR.model) is None

    upload(client, POPULAR, LIMIT)

    assert differences(client, POPULAR) == differences(client, UNPOPULAR) == []


def test_with_a_node_down_nothing_is_uploaded_or_promoted(client, cloud):
    """What cannot be proven on every replica does not go live; searches at the other one go on."""
    upload(client, POPULAR, LIMIT)
    before = answers(client)[0]
    away = client.replicas()[1]
    cloud.kill(cloud.nodes.index(away.url))

    with SolrClient(cloud.nodes, client.core) as again:
        again.pin(client.pinned)
        with pytest.raises(UnavailableError, match=re.escape(away.address)):
            promote(again, POPULAR, 0, approval())
        with pytest.raises(UnavailableError, match=re.escape(away.address)):
            upload(again, UNPOPULAR, LIMIT)
        assert live(again).number == 0
        assert answers(again, only=again.pinned) == [before]

    cloud.start(cloud.nodes.index(away.url))
    wait_until_active(client)

    assert promote(client, POPULAR, 0, approval()).number == 1
    assert [released for released, _ in answers(client)] == [{1}, {1}]


def test_a_collection_of_two_shards_is_refused(cloud):
    with collection(cloud, shards=2, replicas=1) as client, pytest.raises(UsageError, match="2 shards"):
        client.urls  # noqa: B018


def test_an_alias_stands_for_its_collection(cloud):
    with collection(cloud) as client:
        cloud.admin(action="CREATEALIAS", name="alias_of_music", collections=client.core)
        try:
            with SolrClient(cloud.nodes, "alias_of_music") as behind:
                assert behind.urls == client.urls
                behind.reload()
                behind.ping()
        finally:
            cloud.admin(action="DELETEALIAS", name="alias_of_music")


def test_an_unknown_collection_is_an_error_naming_it(cloud):
    with (
        SolrClient(cloud.nodes, "nothing_here") as client,
        pytest.raises(UsageError, match="no collection 'nothing_here'"),
    ):
        client.ping()


def test_prune_frees_what_nothing_points_at_on_every_replica(client):
    for candidate in (POPULAR, UNPOPULAR):
        upload(client, candidate, LIMIT)
    promote(client, POPULAR, 0, approval())

    assert set(prune(client, last=0)) == {UNPOPULAR.model}

    assert [[model["name"] for model in client.models(url)] for url in client.urls] == [[POPULAR.model]] * 2
