"""Permutation importance: what is known to matter is missed, and intervals of noise hold 0 as often as they say."""

import numpy as np
import pytest

from builders.planted import NAMES, planted_rows
from reprise.selection.importance import Importance, permutation_importance, unneeded_first


def truth(vectors):
    """The planted score itself."""
    return np.where(vectors[:, 4] > 0.5, vectors[:, 0], vectors[:, 2]) + 0.15 * vectors[:, 3]


def test_what_a_ranker_reads_is_missed_and_nothing_else():
    found = {one.name: one for one in permutation_importance(planted_rows(), truth)}

    assert min(found[name].lower for name in ("first", "second", "weak", "query")) > 0
    assert [found[name].loss for name in NAMES if "noise" in name] == [0, 0, 0]
    assert found["first"].loss > found["weak"].loss


def test_values_stay_within_their_query():
    """A ranker that reads which query a row is of sees nothing change."""
    rows = planted_rows()
    seen = []

    def spy(vectors):
        seen.append(vectors)
        return vectors[:, 0]

    permutation_importance(rows, spy, repeats=1)

    for column, moved in enumerate(seen[1:]):
        assert sorted(moved[:, column]) == sorted(rows.vectors[:, column])
        assert (np.delete(moved, column, 1) == np.delete(rows.vectors, column, 1)).all()
        if NAMES[column] != "query":
            for code in range(3):
                mine = rows.codes == code
                assert sorted(moved[mine, column]) == sorted(rows.vectors[mine, column])
    assert (seen[1 + NAMES.index("query")][:, 4] != rows.vectors[:, 4]).mean() > 0.5


def test_intervals_of_a_feature_without_worth_hold_zero_about_as_often_as_they_say():
    """The ranker leans on noise a little, so that permuting it does change orders, for better and worse alike."""
    held = [
        one.lower <= 0 <= one.upper
        for seed in range(60)
        for one in permutation_importance(
            planted_rows(queries=60, seed=seed), lambda v: truth(v) + 0.1 * v[:, 5], repeats=1, seed=seed
        )
        if one.name == "noise_a"
    ]

    assert np.mean(held) == pytest.approx(0.95, abs=0.1)


def test_what_is_not_missed_goes_first_and_of_it_the_dear():
    rows = [
        Importance("missed", 0.1, 0.05, 0.2), Importance("cheap", 0.0, -0.1, 0.1), Importance("dear", 0.01, -0.1, 0.1),
        Importance("dearer_less", -0.01, -0.1, 0.1),
    ]  # fmt: skip

    order = unneeded_first(rows, lambda name: int(name.startswith("dear")))

    assert [one.name for one in order] == ["dearer_less", "dear", "cheap", "missed"]
