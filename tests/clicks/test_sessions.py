"""A session file is read as it says, and every kind of mistake in it is named with its lines."""

import json

import numpy as np
import pytest

from reprise.clicks.sessions import read_sessions, sessions_of
from reprise.errors import MissingDataError, UsageError


def a_session(**changes):
    return {"query": "jopali", "results": ["a", "b", "c"], "clicks": [False, True, True]} | changes


def test_lists_of_different_length_and_two_queries():
    found = sessions_of([a_session(), a_session(query="teso", results=["a"], clicks=[0])])

    assert found.pairs == [("jopali", "a"), ("jopali", "b"), ("jopali", "c"), ("teso", "a")]
    assert found.pair.tolist() == [[0, 1, 2], [3, -1, -1]]
    assert found.last.tolist() == [2, -1]
    assert found.shown.sum() == 4


def test_satisfaction_is_a_play_of_30_seconds_and_without_plays_the_last_click():
    played = sessions_of([a_session(seconds=[40, 30, 29.9])])
    alone = sessions_of([a_session()])

    assert played.satisfied.tolist() == [[False, True, False]]
    assert alone.satisfied.tolist() == [[False, False, True]]
    assert (played.plays, alone.plays) == (True, False)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"clicks": [1]}, "another number of clicks"),
        ({"seconds": [1]}, "another number of clicks or seconds"),
        ({"results": ["a", "a", "b"]}, "show an item twice"),
        ({"clicks": [0, 2, 1]}, "neither true nor false"),
        ({"seconds": [0, -1, 3]}, "no number from 0"),
        ({"seconds": [0, float("nan"), 3]}, "no number from 0"),
        ({"results": []}, "no list of results"),
        ({"results": "abc"}, "no list of results"),
    ],
)
def test_mistakes_are_named_with_their_lines(changes, says):
    with pytest.raises(UsageError, match=f"2 sessions.*{says}.*line 2, 3"):
        sessions_of([a_session(), a_session(**changes), a_session(**changes)])


def test_seconds_in_some_sessions_only_are_refused():
    with pytest.raises(UsageError, match="1 sessions lack `seconds`"):
        sessions_of([a_session(), a_session(seconds=[0, 1, 2])])


def test_a_file(tmp_path):
    path = tmp_path / "sessions.jsonl"
    path.write_text("\n".join(json.dumps(a_session()) for _ in range(3)) + "\n\n")

    assert np.array_equal(read_sessions(path).pair, [[0, 1, 2]] * 3)
    path.write_text('{"query": ')
    with pytest.raises(UsageError, match="line 1 is no JSON"):
        read_sessions(path)
    path.write_text("")
    with pytest.raises(MissingDataError, match="holds no session"):
        read_sessions(path)
    with pytest.raises(MissingDataError, match="no file"):
        read_sessions(tmp_path / "other")
