"""What experts preferred in earlier reviews, and what of it a later one hears."""

import os

import pytest

from reprise.experts.preferences import Preference, keep, lost, said, tally
from reprise.lake import Lake


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path))


def compare(lake, run, query, ranker, by="mira", minute=0):
    preferred = "neither" if ranker == "neither" else "left"
    keep(lake, Preference(run, query, preferred, ranker, by, f"2026-11-01T10:{minute:02}:00+00:00"))


def test_a_persons_last_word_on_a_query_of_a_run_counts(lake):
    compare(lake, "r1", "raga", "live")
    compare(lake, "r1", "raga", "candidate", minute=1)

    assert said(lake, "r1", "raga", "mira").ranker == "candidate"
    assert said(lake, "r1", "raga", "ana") is None
    assert said(lake, "r2", "raga", "mira") is None
    assert tally(lake, "r1") == {"candidate": 1, "live": 0, "neither": 0}


def test_a_run_that_nobody_compared_has_no_tally(lake):
    assert tally(lake, "r1") == {}
    compare(lake, "r1", "raga", "neither")
    assert tally(lake, "r1") == {"candidate": 0, "live": 0, "neither": 1}


def test_queries_that_candidates_lost_are_told_to_later_runs_alone(lake):
    for query, ranker in (("raga", "live"), ("night", "candidate"), ("river", "neither")):
        compare(lake, "r1", query, ranker)

    assert lost(lake, "r2") == ["raga"]
    assert lost(lake, "r1") == []


def test_people_are_counted_and_a_later_review_overrules(lake):
    for by, ranker in (("mira", "live"), ("ana", "live"), ("ravi", "candidate")):
        compare(lake, "r1", "raga", ranker, by)
        compare(lake, "r1", "night", ranker, by)
    compare(lake, "r2", "night", "candidate", "mira", minute=5)

    assert lost(lake, "r3") == ["raga"]


def test_only_the_newest_reviews_are_looked_back_on(lake, tmp_path):
    for n in range(7):
        compare(lake, f"r{n}", f"query {n}", "live", minute=n)
    for key in lake.store.list("preferences/"):
        written = int(key.split("/")[1][1:])
        os.utime(tmp_path / key, (written, written))

    assert lost(lake, "r9") == [f"query {n}" for n in range(2, 7)]
