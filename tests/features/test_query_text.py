"""What a text says by itself, beside the `regex`-free arithmetic of the Unicode character names."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from reprise.features.query_text import parameter_text, query_value
from reprise.settings import Feature

SCRIPTS = {"Latin": "aZéß", "Arabic": "لقم", "Devanagari": "रतम", "Hebrew": "לטב", "Han": "夜山", "Hiragana": "にか"}
TEXTS = st.lists(st.sampled_from([*"".join(SCRIPTS.values()), *" \t-1!", "\u0301"]), max_size=12).map("".join)


@given(TEXTS)
def test_counts_are_those_of_the_folded_text(text):
    words = unicodedata.normalize("NFKC", text).casefold().split()

    assert query_value("words", (), text) == len(words)
    assert query_value("characters", (), text) == len(" ".join(words))
    assert query_value("last_word", (), text) == (len(words[-1]) if words else 0)


@given(TEXTS)
def test_shares_of_scripts_add_up_to_one_and_follow_the_letters(text):
    shares = {name: query_value("script", (name,), text) for name in SCRIPTS}

    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = [c for c in folded if c.isalpha()]
    cjk = {"CJK": "Han"}
    named = [cjk.get(first, first.title()) for c in letters for first in [unicodedata.name(c).split()[0]]]
    assert shares == {name: named.count(name) / len(letters) if letters else 0.0 for name in SCRIPTS}


def test_a_word_is_said_only_as_a_whole_word():
    said = [
        query_value("says", ("live", "Été"), text) for text in ("LIVE at", "alive", "un été", "e\u0301te\u0301", "")
    ]

    assert said == [1.0, 0.0, 1.0, 1.0, 0.0]


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_number_is_sent_so_that_its_float_comes_back(value):
    text = parameter_text(value)

    assert np.float32(text) == np.float32(value)
    assert "e" not in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"computes": "script"}, "the name of one script"),
        ({"computes": "script", "of": ["Klingon"]}, "'Klingon' is no script"),
        ({"computes": "says"}, "the words to look for"),
        ({"computes": "words", "of": ["a"]}, "no meaning for 'words'"),
        ({"computes": "words", "default": float("nan")}, "finite"),
        ({"kind": "item", "field": "f", "age": True, "equals": "x"}, "in two ways"),
        ({"kind": "item", "field": "f}{!func"}, "pattern"),
        ({"kind": "behaviour", "measure": "trend", "days": 7}, "says nothing: lower recent_days"),
    ],
)
def test_a_definition_that_says_nothing_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        TypeAdapter(Feature).validate_python({"name": "x", "meaning": "m", "kind": "query", **changes})
