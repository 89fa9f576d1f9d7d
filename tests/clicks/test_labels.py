"""Labels by hand, and as a file."""

import csv
import io
import json

import pytest

from reprise.clicks.labels import labels
from reprise.clicks.models import Setting
from reprise.clicks.sessions import read_sessions, sessions_of
from reprise.clicks.view import compare_text, label_text
from reprise.errors import UsageError


def shown(clicks, times, query="q"):
    return [{"query": query, "results": ["a", "b", "c"], "clicks": clicks}] * times


SESSIONS = shown([1, 0, 0], 10) + shown([0, 1, 0], 2) + shown([0, 0, 0], 8) + shown([0, 0, 0], 3, "rare")


def test_plain_rate():
    worth = {(one.query, one.item): one.worth for one in labels(sessions_of(SESSIONS), "ctr")}

    assert worth["q", "a"] == 0.5
    assert worth["q", "b"] == 0.1
    assert worth["rare", "a"] == 0


def test_rate_at_1_takes_clicks_above_for_searches_that_ended():
    """b: 2 of the 20 − 10 that came so far; c: 0 of 8. Three views are too few to call it bad."""
    found = {(one.query, one.item): one for one in labels(sessions_of(SESSIONS), "ctr_at_1")}

    assert (found["q", "a"].worth, found["q", "a"].grade) == (0.5, 3)
    assert (found["q", "b"].worth, found["q", "b"].grade) == (0.2, 3)
    assert (found["q", "c"].worth, found["q", "c"].grade) == (0, 0)
    assert found["rare", "a"].grade == 1


@pytest.mark.parametrize(("clicks", "grade"), [(0, 0), (1, 0), (2, 1), (9, 1), (10, 2), (19, 2), (20, 3), (100, 3)])
def test_grades_of_the_rate_at_1(clicks, grade):
    records = [{"query": "q", "results": ["a"], "clicks": [n < clicks]} for n in range(100)]

    assert labels(sessions_of(records), "ctr_at_1")[0].grade == grade


def test_more_clicks_than_views_are_left_is_no_rate_above_one():
    records = shown([1, 0, 0], 4) + shown([1, 1, 0], 4)
    found = {one.item: one for one in labels(sessions_of(records), "ctr_at_1")}

    assert found["b"].worth == 1


def test_a_file_of_labels_and_a_table(tmp_path):
    path = tmp_path / "sessions.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in SESSIONS * 4))
    sessions = read_sessions(path)
    rows = list(csv.DictReader(io.StringIO(label_text(sessions, "sdbn", Setting(prior=(0, 0))))))
    table = compare_text(sessions, Setting())

    assert len(rows) == 6
    assert (rows[0]["item"], rows[0]["impressions"], rows[0]["clicks"]) == ("a", "80", "40")
    assert float(rows[0]["worth"]) == float(rows[0]["attraction"]) * float(rows[0]["satisfaction"]) == 0.5
    assert rows[0]["grade"] == ""
    assert {line.split()[0] for line in table.splitlines()[2:5]} == {"pbm", "sdbn", "dbn"}
    assert "the last click" in table
    with pytest.raises(UsageError, match="no method 'ubm'"):
        label_text(sessions, "ubm", Setting())
