"""Float32 as Solr's plugin reads and adds it: shortest text, and thresholds that undo its slack."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError

# MultipleAdditiveTreesModel.NODE_SPLIT_SLACK, in every version from 6.4 on: a node goes left where
# `value <= threshold + 1e-6f`, in float arithmetic.
NODE_SPLIT_SLACK = np.float32(1e-6)
_JAVA_FLOAT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?\s*", re.ASCII)
_PLAIN = re.compile(r"[0-9.eE+-]*")  # no underscore, suffix, blank, word: what float() reads of it, Java reads too
_BEYOND = 3.4028235677973366e38  # halfway from the largest float32 to the next there would be
_LEAST_NORMAL = 1.1754943508222875e-38
_LEAST_DOUBTFUL = 2.0**-151  # half of what would be rounded to 0 or up to the least float: below it there is no doubt
_PACKED, _BITS = struct.Struct("<d"), struct.Struct("<q")
_BELOW_FLOAT, _MIDDLE = 0x1FFFFFFF, 0x10000000  # of a double's bits, those that a float32 has not; and half of one
_LARGEST = 0x7F7FFFFF  # the bits of the largest finite float32
_SIGN = 0x80000000
_DOWN, _UP = np.float32(-np.inf), np.float32(np.inf)


def float_text(value: float | np.float32) -> str:
    """Return the shortest text that ``Float.parseFloat`` and numpy both read as this float32.

    Not a number, infinite, or beyond float32: UsageError, because Solr would misread or loop on it.
    """
    if not abs(float(value)) < _BEYOND:
        raise UsageError(f"{value!r} is not a finite 32-bit float", "retrain: Solr scores in float32 only")
    return str(np.float32(value))


def parse_float32(text: str) -> np.float32:
    """Return what Java's ``Float.parseFloat`` reads: the nearest float32 of the decimal itself, rounded once.

    By way of a double, a text such as 1.0000000596046448, a hair above the middle of two floats, would be rounded to
    that middle and then down. Not a number, infinite, or beyond float32: ValueError.
    """
    if not _JAVA_FLOAT.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    plain = text.strip().rstrip("fFdD")
    double = float(plain)
    if abs(double) >= _BEYOND:
        raise ValueError(f"{text!r} is beyond 32-bit floats")
    nearest = np.float32(double)
    (bits,) = _BITS.unpack(_PACKED.pack(double))
    if bits & _BELOW_FLOAT != _MIDDLE and abs(double) >= _LEAST_NORMAL:
        return nearest
    if abs(double) < _LEAST_DOUBTFUL:  # also spares writing out 0e999999999 as a fraction
        return nearest
    return _of_middle(plain, double, nearest)


def parse_floats32(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return what ``parse_float32`` reads of each text, and its errors; only those near a middle take that long."""
    if not _PLAIN.fullmatch("".join(texts)):
        return np.array([parse_float32(text) for text in texts], np.float32)
    doubles = np.array([float(text) for text in texts])
    size = np.abs(doubles)
    if (size >= _BEYOND).any():
        raise ValueError("a number is beyond 32-bit floats")
    found = doubles.astype(np.float32)
    doubtful = (doubles.view(np.int64) & _BELOW_FLOAT == _MIDDLE) | ((size < _LEAST_NORMAL) & (size > 0))
    for place in np.flatnonzero(doubtful).tolist():
        found[place] = parse_float32(texts[place])
    return found


def _of_middle(text: str, double: float, nearest: np.float32) -> np.float32:
    """Return the float32 nearest to a decimal whose double may be the middle of two floats."""
    away = Fraction(text) - Fraction(double)
    other = np.nextafter(nearest, _UP if float(nearest) < double else _DOWN)
    middle = (Fraction(float(nearest)) + Fraction(float(other))) / 2
    if not away or float(nearest) == double or middle != Fraction(double):
        return nearest
    return max(nearest, other) if away > 0 else min(nearest, other)


def floor32(threshold: float) -> np.float32:
    """Return the largest finite float32 not above a double: ``x <= threshold`` and ``x <= it`` agree on float32."""
    if not np.isfinite(threshold):
        raise UsageError(f"a split's threshold is {threshold!r}", "retrain: a threshold must be a finite number")
    limit = np.finfo(np.float32).max
    if abs(threshold) >= float(limit):
        return limit if threshold > 0 else np.float32(-limit)
    nearest = np.float32(threshold)
    return np.nextafter(nearest, _DOWN) if float(nearest) > threshold else nearest


def solr_threshold(threshold: float) -> tuple[np.float32, np.float32, np.float32]:
    """Return ``(written, effective, wanted)`` for LightGBM's split ``x <= threshold``.

    Solr tests ``x <= written + 1e-6f``, which is ``x <= effective``. ``effective == wanted`` wherever float32
    allows it. Below about 4e-6, and for some negative values up to 1e-3, there may be no such number; then it is
    the nearest below, off by one unit in the last place or 1.2e-13, whichever is larger: only values in
    ``(effective, wanted]`` take the other branch.
    """
    wanted = floor32(threshold)
    written = wanted - NODE_SPLIT_SLACK
    while written + NODE_SPLIT_SLACK > wanted:
        written = np.nextafter(written, _DOWN)
    while written + NODE_SPLIT_SLACK < wanted:
        following = np.nextafter(written, _UP)
        if following + NODE_SPLIT_SLACK > wanted:
            break
        written = following
    return written, written + NODE_SPLIT_SLACK, wanted


def last_float(holds: Callable[[np.float32], bool]) -> np.float32 | None:
    """Return the largest finite float32 for which a condition holds, or None; it must hold for all below that one.

    Finite floats are ordered as their bits are, taken as signed integers with the negative ones mirrored, so that 32
    halvings find it.
    """
    low, high = -_LARGEST - 1, _LARGEST  # the first stands for "none"
    while low < high:
        middle = (low + high + 1) // 2
        if holds(_float_at(middle)):
            low = middle
        else:
            high = middle - 1
    return None if low < -_LARGEST else _float_at(low)


def _float_at(place: int) -> np.float32:
    """Return the float32 so many places above 0, or below it."""
    bits = np.uint32(place if place >= 0 else _SIGN - place)
    return bits.view(np.float32)
