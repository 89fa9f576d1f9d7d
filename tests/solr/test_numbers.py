"""Float32 as Solr reads it: thresholds that undo its slack, the last value that still goes left."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.solr.numbers import (
    NODE_SPLIT_SLACK,
    float_text,
    floor32,
    last_float,
    parse_float32,
    parse_floats32,
    solr_threshold,
)

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


def nearest(exact, start):
    """Return the float32 nearest to a fraction, of two equally near the even one."""
    around = [start, np.nextafter(start, np.float32(np.inf)), np.nextafter(start, np.float32(-np.inf))]
    distance = {one: abs(Fraction(float(one)) - exact) for one in around if np.isfinite(one)}
    near = [one for one, far in distance.items() if far == min(distance.values())]
    return min(near, key=lambda one: int(one.view(np.uint32)) % 2)


@settings(deadline=None)
@given(
    st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**126), max_value=2.0**126),
    st.sampled_from(["", "1", "5", "000001"]),
    st.integers(-1, 1),
)
@np.errstate(over="ignore")
def test_a_decimal_is_rounded_once_even_beside_the_middle_of_two_floats(value, more, step):
    low = np.float32(value)
    middle = (Fraction(float(low)) + Fraction(float(np.nextafter(low, np.float32(np.inf))))) / 2
    digits = 190
    written = f"{'-' if middle < 0 else ''}{int(abs(middle) * 10**digits) + step}{more}e-{digits + len(more)}"

    assert parse_float32(written) == nearest(Fraction(written), low)
    assert parse_floats32(["0.5", written]).tolist() == [0.5, parse_float32(written)]


def test_a_decimal_a_hair_above_a_middle_goes_up_where_numpy_goes_down():
    assert np.float32("1.0000000596046448") == np.float32(1.0)
    assert parse_float32("1.0000000596046448") == np.nextafter(np.float32(1.0), np.float32(2.0))


@pytest.mark.parametrize("text", ["1_0", "", "NaN", "Infinity", "1e39", "-3.5e38", "0x1p3", "half", "1,5", "1e"])
def test_what_java_would_not_read_as_a_finite_float_is_an_error(text):
    with pytest.raises(ValueError, match=r"no number|beyond"):
        parse_float32(text)
    with pytest.raises(ValueError, match=r"no number|beyond|could not convert"):
        parse_floats32(["1", text])


@pytest.mark.parametrize("text", ["0e999999999", "-0.e696144104", "1e-999999999", "-123456789e-999999999999999999999"])
def test_a_zero_with_an_exponent_without_end_is_a_zero_at_once(text):
    assert parse_float32(text) == 0
    assert np.signbit(parse_float32(text)) == text.startswith("-")
    assert parse_floats32([text, "1"]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("text", "value"), [(" 1.5f ", 1.5), ("2D", 2.0), (".5", 0.5), ("-1.", -1.0), ("+1e2", 100.0)])
def test_what_java_reads_is_read(text, value):
    assert parse_float32(text) == value
    assert parse_floats32([text, "1"]).tolist() == [value, 1.0]
