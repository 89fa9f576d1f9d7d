"""The chain on the driver: by hand, clipped, and refused where positions cannot be compared."""

import pytest

from reprise.judgments.propensity import Contrast, curves
from reprise.settings.gate import Theta

SETTINGS = Theta(assumed=[1.0, 0.6, 0.3], min_pairs=10, clip=0.05)


def by_variant(contrasts, positions=3):
    found, reason = curves(contrasts, SETTINGS, positions)
    return {c.variant: c for c in found}, reason


def test_ratios_are_chained():
    """θ = 1, 50/100, then 0.5 · 30/60."""
    found, reason = by_variant([Contrast(2, 60.0, 30.0, 12), Contrast(1, 100.0, 50.0, 11)])

    assert reason == ""
    assert found["measured"].theta == pytest.approx((1.0, 0.5, 0.25))
    assert found["measured"].pairs == (11, 11, 12)
    assert found["measured"].method == "harvested"


def test_the_other_curves():
    """One is flat; steep is the assumed curve to the power of 1.5; beyond its end the assumed curve stays level."""
    found, _ = by_variant([], positions=4)

    assert found["one"].theta == (1.0,) * 4
    assert found["assumed"].theta == (1.0, 0.6, 0.3, 0.3)
    assert found["steep"].theta == pytest.approx((1.0, 0.6**1.5, 0.3**1.5, 0.3**1.5))


@pytest.mark.parametrize(("lower", "expected"), [(0.0, 0.05), (250.0, 1.0)])
def test_no_position_leaves_the_range(lower, expected):
    """Noise neither hides a position for ever nor makes it more looked at than the first."""
    found, _ = by_variant([Contrast(1, 100.0, lower, 50), Contrast(2, 100.0, 100.0, 50)])

    assert found["measured"].theta[1] == expected


@pytest.mark.parametrize(
    "contrasts",
    [[], [Contrast(1, 100.0, 50.0, 11)], [Contrast(1, 100.0, 50.0, 11), Contrast(2, 60.0, 30.0, 9)]],
    ids=["one ranker", "a missing link", "a thin link"],
)
def test_a_broken_chain_is_refused_and_says_where(contrasts):
    """The assumed curve stands in, under its own name."""
    found, reason = by_variant(contrasts)

    assert "2→3" in reason
    assert "10 needed" in reason
    assert found["measured"].theta == found["assumed"].theta
    assert found["measured"].method == "assumed"
