"""Float32 as Solr reads it: thresholds that undo its slack, the last value that still goes left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.solr.numbers import NODE_SPLIT_SLACK, float_text, floor32, last_float, solr_threshold

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), FLOATS)
def test_floor32_splits_float32_values_as_the_double_does(threshold, value):
    assert (value <= threshold) == (np.float32(value) <= floor32(threshold))


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_written_threshold_meets_the_wanted_one_or_stays_just_below_it(threshold):
    written, effective, wanted = solr_threshold(threshold)

    assert np.float32(float_text(written)) + NODE_SPLIT_SLACK == effective
    assert effective <= wanted
    one_unit = float(wanted) - float(np.nextafter(wanted, np.float32(-np.finfo(np.float32).max)))
    assert float(wanted) - float(effective) <= max(one_unit, 1.2e-13)


@pytest.mark.parametrize("threshold", [0.5, 31.0, 32.0, 1e-6, 1.0, 1000.5, -0.25, 0.0, -32.5, 3.0e38, -3.0e38, 1e300])
def test_ordinary_thresholds_are_met_exactly(threshold):
    _, effective, wanted = solr_threshold(threshold)

    assert floor32(threshold) == wanted == effective


def test_lightgbms_zero_split_sends_every_normal_positive_value_right():
    _, effective, _ = solr_threshold(1.0000000180025095e-35)

    assert 0.0 <= effective < 1e-35


@settings(deadline=None)
@given(FLOATS)
def test_the_last_float_is_the_one_that_no_greater_one_follows(value):
    assert last_float(lambda x: x <= np.float32(value)) == np.float32(value)


def test_the_last_float_of_what_never_or_always_holds():
    assert last_float(lambda x: False) is None
    assert last_float(lambda x: True) == np.finfo(np.float32).max
