"""Two lists for one query from a running Solr: each is what that ranker answers, and nothing says which is whose."""

from datetime import UTC, datetime

import numpy as np
import pytest

from builders.solr_core import NAMES, QUERIES, REQUEST, client_of, fill, linear_candidate
from reprise.errors import UsageError
from reprise.release import Approval, ensure_release_zero, live, promote, upload
from reprise.release.lists import sides, why
from reprise.release.record import LIVE
from reprise.settings import Solr
from reprise.solr import score

pytestmark = pytest.mark.solr
POPULAR, UNPOPULAR = linear_candidate(5000.0), linear_candidate(-5000.0)
SOLR = Solr.model_validate(
    {"features": [{"name": "engine_score", "kind": "match", "meaning": "the engine's own score"}],
     "request": REQUEST.model_dump()}
)  # fmt: skip


@pytest.fixture(scope="module")
def client(module_core):
    """POPULAR is live, UNPOPULAR waits."""
    with client_of(module_core) as client:
        fill(client)
        ensure_release_zero(client, REQUEST)
        for candidate in (POPULAR, UNPOPULAR):
            upload(client, candidate, 1_000_000)
        promote(client, POPULAR, 0, Approval("mira", datetime.now(UTC).isoformat(), "r"))
        yield client


def ids(client, query, **search):
    found = client.select({"q": query, "fl": "id", "rows": 10, **search}, "/search").body["response"]["docs"]
    return [one["id"] for one in found]


def test_each_list_is_what_that_ranker_answers(client):
    for query in QUERIES[:12]:
        found = sides(client, SOLR, live(client), UNPOPULAR, query, "run 1, mira")
        by_ranker = {found.key["left"]: found.left, found.key["right"]: found.right}

        assert [one.id for one in by_ranker["live"]] == ids(client, query, useParams=LIVE)
        assert [one.id for one in by_ranker["candidate"]] == ids(client, query, rq=UNPOPULAR.rq)
        assert not found.equal
        assert {frozenset(one.fields) for one in found.left} == {frozenset({"title", "artist", "entity"})}


def test_sides_are_drawn_by_who_looks_and_stay_as_they_are(client):
    def drawn(seed):
        return [sides(client, SOLR, live(client), UNPOPULAR, query, seed).key["left"] for query in QUERIES]

    assert drawn("mira") == drawn("mira")
    assert drawn("mira") != drawn("ana")
    assert set(drawn("mira")) == {"candidate", "live"}


def test_the_same_ranker_twice_is_said_to_be_equal(client):
    assert sides(client, SOLR, live(client), POPULAR, "raga", "mira").equal


@pytest.mark.parametrize("text", ["${solr.home}", "{!func}popularity", "<b>raga</b>", "raga OR *:*", "”"])
def test_what_is_typed_is_only_ever_text(client, text):
    found = sides(client, SOLR, live(client), UNPOPULAR, text, "mira")

    assert {one.id for one in found.left} == {one.id for one in found.right} or len(found.left) == 10


@pytest.mark.parametrize(("ranker", "candidate"), [(UNPOPULAR, UNPOPULAR), (None, POPULAR)], ids=["candidate", "live"])
def test_reasons_add_up_to_the_difference_of_the_scores(client, ranker, candidate):
    above, below = ids(client, "night", rq=candidate.rq)[:2]

    found = why(client, SOLR, ranker, "night", above, below)

    logged = client.log_features(candidate.store, {"q": "night"}, {"q": "$q"}, "/search", ids=[above, below])
    scores = dict(zip(logged.ids, score(candidate.model_json, logged.values, NAMES).astype(float), strict=True))
    assert found.lead == pytest.approx(scores[above] - scores[below], rel=1e-5, abs=1e-3)
    assert sum(part[3] for part in found.parts) == pytest.approx(found.lead)
    brought = [abs(part[3]) for part in found.parts]
    assert brought == sorted(brought, reverse=True)
    assert np.isfinite(brought).all()


def test_an_item_that_the_search_does_not_find_is_named(client):
    with pytest.raises(UsageError, match="does not find song:nowhere"):
        why(client, SOLR, UNPOPULAR, "night", "song:nowhere", ids(client, "night")[0])
