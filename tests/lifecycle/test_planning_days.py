"""Which days a run reads; each refusal names the thing and the remedy."""

import pytest

from reprise.errors import MissingDataError, UsageError
from reprise.lifecycle.planning import between, window
from reprise.plan import days_between

CLOSED = days_between("2026-09-01", "2026-09-27")


def test_by_default_the_last_days_up_to_the_newest():
    assert window(CLOSED, None, 7) == days_between("2026-09-21", "2026-09-27")
    assert window(CLOSED, None, 90) == CLOSED


def test_as_of_looks_back_from_that_day():
    assert window(CLOSED, "2026-09-20", 7) == days_between("2026-09-14", "2026-09-20")


def test_an_open_day_is_refused_with_the_choice():
    with pytest.raises(UsageError, match="2026-09-28 is not a closed day → choose one from 2026-09-01 to 2026-09-27"):
        window(CLOSED, "2026-09-28", 7)


def test_no_closed_day_says_what_closes_one():
    with pytest.raises(MissingDataError, match="once the next one has logs in every source"):
        window([], None, 7)


def test_a_backfill_takes_the_days_it_names():
    assert between(CLOSED, "2026-09-03", "2026-09-05", 1) == ["2026-09-03", "2026-09-04", "2026-09-05"]
    assert between(CLOSED, None, "2026-09-05", 2) == ["2026-09-04", "2026-09-05"]
    assert between(CLOSED, None, None, 3) == CLOSED[-3:]


def test_a_backfill_of_nothing_is_refused():
    with pytest.raises(MissingDataError, match="the closed days are 2026-09-01 to 2026-09-27"):
        between(CLOSED, "2026-10-01", None, 1)
    with pytest.raises(UsageError, match="swap them"):
        between(CLOSED, "2026-09-05", "2026-09-03", 1)
