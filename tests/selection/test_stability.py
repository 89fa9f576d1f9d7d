"""Stability selection on planted features."""

import numpy as np
import pytest

from builders.planted import NAMES, planted_rows
from reprise.selection.stability import chosen_share, expected_false


def test_what_matters_is_chosen_in_every_half_and_noise_seldom():
    found = dict(zip(NAMES, chosen_share(planted_rows(), 3, halves=30), strict=True))

    assert found["second"] == 1.0
    assert max(found["first"], found["twin"]) > 0.5
    assert found["weak"] > 0.6
    assert max(found[name] for name in NAMES if "noise" in name) < 0.2


def test_noise_alone_is_chosen_no_more_often_than_the_theorem_allows():
    rows = planted_rows(queries=80)
    random = np.random.default_rng(4)
    shuffled = type(rows)(
        [f"n{n}" for n in range(40)], random.random((len(rows.g), 40)).astype(np.float32), rows.codes, rows.judged,
        rows.g, rows.grade, rows.weight, rows.traffic,
    )  # fmt: skip

    found = chosen_share(shuffled, 4, halves=40)

    assert found.sum() == pytest.approx(4)
    assert (found >= 0.7).sum() <= np.ceil(expected_false(40, 4, 0.7))


def test_a_feature_that_never_changes_is_never_chosen():
    rows = planted_rows(queries=40)
    vectors = rows.vectors.copy()
    vectors[:, 3] = 7.0
    still = type(rows)(rows.names, vectors, rows.codes, rows.judged, rows.g, rows.grade, rows.weight, rows.traffic)

    assert chosen_share(still, 8, halves=5)[3] == 0.0
