"""Spellings that are one query, and scripts whose marks are letters."""

import pytest

from reprise.judgments.fold import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("beyoncé", "beyonce"),
        ("Beyonce\u0301", "beyoncé"),
        ("tum hi ho", "tumhiho"),
        ("jay-z", "jay z"),
        ("what's up?", "whats up"),
        ("STRASSE", "straße"),
        ("क़िस्मत", "क\u093cिस्मत"),
    ],
)
def test_one_query(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("दिल", "दल"), ("மனம்", "மன"), ("abba", "aba"), ("1989", "1999")])
def test_two_queries(one, other):
    """Vowel signs of Indic scripts are combining characters too; dropping them would merge words."""
    assert fold(one) != fold(other)


def test_a_query_of_punctuation_is_its_own_key():
    assert fold("!!!") == "!!!"
    assert fold("?") != fold("!!!")
