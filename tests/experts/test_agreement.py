"""Krippendorff's α: his own example, and what must hold of any grades."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.experts.agreement import agreement, alpha
from reprise.experts.grades import Grade

#: Four observers, twelve units (Krippendorff 2011, section C); a dot is no answer.
UNITS = [
    [1, 1, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4], [1, 1, 2, 1],
    [2, 2, 2, 2], [5, 5, 5], [1, 1], [3],
]  # fmt: skip
units = st.lists(st.lists(st.integers(0, 4), min_size=2, max_size=5), min_size=2, max_size=12)


@pytest.mark.parametrize(("level", "expected"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_books_example(level, expected):
    assert alpha(UNITS, level) == pytest.approx(expected, abs=0.0006)


@given(units, st.randoms(use_true_random=False))
def test_neither_the_order_of_items_nor_of_graders_matters(given_units, random):
    shuffled = [random.sample(unit, len(unit)) for unit in random.sample(given_units, len(given_units))]

    assert alpha(shuffled) == pytest.approx(alpha(given_units), nan_ok=True)


@given(units)
def test_from_every_pair_one_by_one(given_units):
    """The definition: mean squared distance within items over that of any two grades at all."""
    values = [value for unit in given_units for value in unit]
    n = len(values)
    within = sum((a - b) ** 2 / (len(unit) - 1) for unit in given_units for a in unit for b in unit) / n
    anywhere = sum((a - b) ** 2 for a in values for b in values) / (n * (n - 1))
    expected = 1 - within / anywhere if anywhere else float("nan")

    assert alpha(given_units, "interval") == pytest.approx(expected, nan_ok=True)


def test_perfect_and_random_agreement():
    rng = np.random.default_rng(2)

    assert alpha([[n % 5] * 3 for n in range(50)]) == 1
    assert alpha(rng.integers(0, 5, (4000, 3)).tolist()) == pytest.approx(0, abs=0.02)
    assert np.isnan(alpha([[2, 2], [2, 2]]))
    assert np.isnan(alpha([[1], [2]]))


def grades(item, **by_grader):
    return [Grade("jopali", item, grade, grader) for grader, grade in by_grader.items()]


def test_who_grades_apart_from_the_others():
    """Asha gives 2 more than the mean of the others on one item, 1 more on the other."""
    found = agreement([*grades("a", asha=4, ben=2, chi=2), *grades("b", asha=1, ben=0), *grades("c", ben=3)])

    assert found.by_grader == pytest.approx({"asha": 1.5, "ben": -1.0, "chi": -1.0})
    assert (found.items, found.grades) == (2, 5)
    assert "tentative" in found.in_words


def test_spellings_of_a_query_share_their_grades():
    found = agreement([Grade("Beyoncé", "a", 4, "asha"), Grade("beyonce", "a", 4, "ben")])

    assert found.items == 1
    assert "cannot be told" in found.in_words
