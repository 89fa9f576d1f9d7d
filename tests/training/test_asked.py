"""What a query is like, and how much of what is looked at is new, on rows small enough to count by hand."""

import numpy as np
import pyarrow as pa
import pytest

from builders.small_service import FEATURES, judgment, small_plan
from reprise import tables
from reprise.training.asked import labels, new_release_exposure

AGE = {"name": "age", "kind": "item", "meaning": "days since its release", "field": "released", "age": True}


def plan(tmp_path, *more):
    return small_plan(tmp_path, features=[*FEATURES, *more])


def rows(*of):
    """Rows of a test block: query group, item, rank, age."""
    columns = zip(*of, strict=True)
    return pa.table(dict(zip(("query_group", "item", "engine_rank", "age"), map(list, columns), strict=True)))


ROWS = rows(("a", "song:1", 1, 3.0), ("a", "album:2", 2, 400.0), ("b", "song:3", 1, 500.0), ("b", "song:4", 0, 1.0))


def asked(plan, consumed, given=ROWS):
    block = plan.block("test")[0]
    judged = [judgment(block.name, group, item, utility, 10.0) for group, item, utility in consumed]
    return labels(
        plan,
        block,
        given,
        pa.Table.from_pylist(judged, tables.judgments),
        ["ra", "raga n", "raga night"],
        ["a", "b", "c"],
    )


def test_type_and_release_are_those_of_what_was_consumed_most(tmp_path):
    found = asked(
        plan(tmp_path, AGE), [("a", "song:1", 5.0), ("a", "album:2", 7.0), ("b", "song:4", 1.0), ("c", "x", 0)]
    )

    assert found["length"] == ["1 to 3 letters", "4 to 6 letters", "7 letters or more"]
    assert found["item_type"] == ["album", "song", None]
    assert found["release"] == ["older", "new release", None]


def test_without_an_age_nobody_knows_what_is_new(tmp_path):
    bare = plan(tmp_path)

    assert asked(bare, [("a", "song:1", 5.0)], ROWS.drop_columns(["age"]))["release"] == [None] * 3
    assert new_release_exposure(bare, ROWS, np.array([0, 0, 1, 1]), np.ones(4), 2, np.ones(3)) is None


def test_looks_at_new_releases_are_counted_by_place(tmp_path):
    """Query a: the new song first (looked at always) or second (half the time); b retrieves nothing new, c nothing."""
    codes, theta = np.array([0, 0, 1, 1]), np.array([1.0, 0.5])
    first = new_release_exposure(plan(tmp_path, AGE), ROWS, codes, np.array([2, 1, 1, 9]), 3, theta)
    second = new_release_exposure(plan(tmp_path, AGE), ROWS, codes, np.array([1, 2, 1, 9]), 3, theta)

    assert first[:2].tolist() == pytest.approx([1 / 1.5, 0.0])
    assert second[:2].tolist() == pytest.approx([0.5 / 1.5, 0.0])
    assert np.isnan(first[2])
