"""Searches at a steady rate while releases come and go: none fails, and each is answered by one release entirely."""

import threading
import time

import pytest

from builders.solr_cloud import collection
from builders.solr_core import REQUEST, WORDS, approval, client_of, fill, linear_candidate
from reprise.errors import RepriseError
from reprise.release import ensure_release_zero, live, promote, rollback, upload
from reprise.release.record import LIVE
from reprise.solr import SolrClient

pytestmark = pytest.mark.solr
LIMIT = 1_000_000
CANDIDATES = [linear_candidate(5000.0), linear_candidate(-5000.0)]
PER_SECOND = 50


class Searches:
    """Sends searches in turn to one replica, as an application does, until it is left; keeps every answer."""

    def __init__(self, client, url):
        self.answers, self.errors = [], []
        self._nodes, self._core, self._url = client.nodes, client.core, url
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        with SolrClient(self._nodes, self._core) as client:
            number = 0
            while not self._stop.wait(1 / PER_SECOND):
                query = WORDS[number % len(WORDS)]
                number += 1
                try:
                    self.answers.append((query, *answered(client, query, self._url, {"useParams": LIVE})))
                except RepriseError as error:
                    self.errors.append(str(error))

    def wait_for(self, release):
        """Wait until the newest answer is this release's."""
        deadline = time.monotonic() + 60
        while not any(seen == {release} for _, seen, _ in self.answers[-1:]):
            assert time.monotonic() < deadline, f"release {release} never answered"
            time.sleep(0.002)


def answered(client, query, url, more):
    asked = {"q": query, "fl": "id,release:$reprise.release", "rows": 50, **more}
    documents = client.select(asked, "/search", url).body["response"]["docs"]
    return {one["release"] for one in documents}, [one["id"] for one in documents]


def orders(client):
    """Return (rerank query, query) → the order that is due, asked without any release."""
    due = {}
    for rq in ["", *(one.rq for one in CANDIDATES)]:
        for query in WORDS:
            named = {"reprise.release": "-1", **({"rq": rq} if rq else {})}
            due[rq, query] = answered(client, query, None, named)[1]
    return due


def switch_under_fire(client, switches):
    """Promote and roll back in turn, so many switches in all, under searches of every replica; prove every answer."""
    fill(client)
    zero = ensure_release_zero(client, REQUEST)
    for one in CANDIDATES:
        upload(client, one, LIMIT)
    due = orders(client)
    assert len({tuple(due[rq, "raga"]) for rq in ["", *(one.rq for one in CANDIDATES)]}) == 3
    made, releases = [0], {0: zero}
    watchers = [Searches(client, url) for url in client.urls]
    for one in watchers:
        one.__enter__()
    try:
        for one in watchers:
            one.wait_for(0)
        for number in range(switches):
            if number % 2:
                now = rollback(client, None, "under fire", "test").release
            else:
                now = promote(client, CANDIDATES[number // 2 % 2], live(client).number, approval())
            made.append(now.number)
            releases[now.number] = now
            for one in watchers:
                one.wait_for(now.number)
    finally:
        for one in watchers:
            one.__exit__()
    for one in watchers:
        assert one.errors == []
        assert [seen for _, seen, _ in one.answers if len(seen) != 1] == []
        numbers = [next(iter(seen)) for _, seen, _ in one.answers]
        assert [n for n, before in zip(numbers, [None, *numbers], strict=False) if n != before] == made
        assert all(
            ids == due[releases[number].rq, query] for number, (query, _, ids) in zip(numbers, one.answers, strict=True)
        )
    return sum(len(one.answers) for one in watchers)


def test_fifty_switches_of_a_core_are_noticed_by_no_search(new_core):
    with client_of(new_core()) as client:
        assert switch_under_fire(client, 50) > 50


def test_switches_of_a_collection_are_noticed_by_no_search_at_any_replica(cloud):
    with collection(cloud) as client:
        assert switch_under_fire(client, 12) > 24
