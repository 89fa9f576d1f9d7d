"""Float32 as Solr's plugin reads and adds it: shortest text, and thresholds that undo its slack."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reprise.errors import UsageError

# MultipleAdditiveTreesModel.NODE_SPLIT_SLACK, in every version from 6.4 on: a node goes left where
# `value <= threshold + 1e-6f`, in float arithmetic.
NODE_SPLIT_SLACK = np.float32(1e-6)
_LARGEST = 0x7F7FFFFF  # the bits of the largest finite float32
_SIGN = 0x80000000
_DOWN, _UP = np.float32(-np.inf), np.float32(np.inf)


def float_text(value: float | np.float32) -> str:
    """Return the shortest text that ``Float.parseFloat`` and numpy both read as this float32.

    Not a number, infinite, or beyond float32: UsageError, because Solr would misread or loop on it.
    """
    with np.errstate(over="ignore"):
        short = np.float32(value)
    if not np.isfinite(short):
        raise UsageError(f"{value!r} is not a finite 32-bit float", "retrain: Solr scores in float32 only")
    return str(short)


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
