"""The serving check beside a running Solr: what it counts is what searches there really meet."""

from datetime import UTC, datetime

import pytest

from builders.solr_core import QUERIES, REQUEST, client_of, fill, linear_candidate
from reprise.errors import UsageError
from reprise.release import Approval, ensure_release_zero, promote, rollback, upload
from reprise.release.record import LIVE
from reprise.release.recorded import from_file
from reprise.release.serving import check
from reprise.settings import Solr

pytestmark = pytest.mark.solr
POPULAR = linear_candidate(5000.0)
SOLR = Solr.model_validate(
    {"features": [{"name": "engine_score", "kind": "match", "meaning": "score"}], "request": REQUEST.model_dump()}
)


@pytest.fixture
def client(new_core):
    """POPULAR is live."""
    with client_of(new_core()) as client:
        fill(client)
        ensure_release_zero(client, REQUEST)
        upload(client, POPULAR, 1_000_000)
        promote(client, POPULAR, 0, Approval("mira", datetime.now(UTC).isoformat(), "r"))
        yield client


def top3(client, query, **search):
    found = client.select({"q": query, "fl": "id", "rows": 3, **search}, "/search").body["response"]["docs"]
    return [one["id"] for one in found]


def test_the_share_of_changed_results_is_counted(client):
    moved = [query for query in QUERIES if top3(client, query) != top3(client, query, useParams=LIVE)]

    found = check(client, SOLR, QUERIES)

    assert (found.release, found.failed, found.timed_out, found.searches) == (1, 0, 0, len(QUERIES))
    assert found.changed == len(moved) / len(QUERIES)
    assert found.changed > 0
    for times in (found.plain, found.ranked):
        assert 0 < times.p50 <= times.p95 <= times.p99
        assert times.solr_p50 <= times.p50
    rollback(client, 0, "test", "ops")
    assert check(client, SOLR, QUERIES).changed == 0


def test_searches_that_fail_are_counted_and_told(client):
    client.delete_model(POPULAR.model)

    found = check(client, SOLR, QUERIES[:4])

    assert found.failed == 4, "those with reranking"
    assert "cannot find model" in found.errors[0]
    assert "4 failed" in found.in_words


def test_searches_come_from_a_file_or_a_day(tmp_path):
    listed = tmp_path / "searches.txt"
    listed.write_text("raga\n\n  night river \nthird\n", encoding="utf-8")

    assert from_file(listed, 2) == ["raga", "night river"]
    with pytest.raises(UsageError, match="cannot be read"):
        from_file(tmp_path / "nothing.txt", 2)


def test_nothing_to_send_is_an_error(client):
    with pytest.raises(UsageError, match="no searches"):
        check(client, SOLR, [])
