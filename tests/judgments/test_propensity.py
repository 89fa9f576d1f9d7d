"""The chain on the driver: by hand, clipped, and refused where positions cannot be compared."""

import pytest

from reprise.judgments.propensity import Contrast, curves
from reprise.settings.gate import Theta

SETTINGS = Theta(assumed=[1.0, 0.6, 0.3], min_pairs=10, clip=0.05)


def by_variant(contrasts, positions=3, **settings):
    found, reason = curves(contrasts, SETTINGS.model_copy(update=settings), positions)
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


def test_deep_steps_are_pooled_until_there_is_enough_of_them():
    """From position 4 down: 4→6 share (6 + 3) / (10 + 8) = 1/2; 6→8 join them, as 9 pairs are too few alone."""
    contrasts = [
        *(Contrast(k, 100.0, 80.0, 50) for k in (1, 2, 3)),
        Contrast(4, 10.0, 6.0, 7),
        Contrast(5, 8.0, 3.0, 5),
        Contrast(6, 4.0, 2.0, 6),
        Contrast(7, 4.0, 2.0, 3),
    ]
    found, reason = by_variant(contrasts, positions=8, pool_from=4)

    ratio = (6 + 3 + 2 + 2) / (10 + 8 + 4 + 4)
    assert reason == ""
    expected = [1.0, 0.8, 0.64, 0.512, *(0.512 * ratio**n for n in (1, 2, 3, 4))]
    assert found["measured"].theta == pytest.approx([max(0.05, t) for t in expected])
    assert found["measured"].pairs == (50, 50, 50, 50, 21, 21, 21, 21)


def test_the_top_is_never_pooled():
    """Most of the bias is there: with too little to measure it, the curve is refused, whatever is below."""
    found, reason = by_variant(
        [Contrast(k, 50.0, 40.0, 9 if k == 3 else 90) for k in range(1, 8)], positions=8, pool_from=4
    )

    assert "(3→4: 9; 10 needed)" in reason
    assert found["measured"].method == "assumed"


def test_a_step_with_enough_of_its_own_is_not_pooled():
    found, _ = by_variant([Contrast(k, 100.0, 100.0 - k, 10) for k in range(1, 8)], positions=8, pool_from=4)

    chained = [1.0]
    for k in range(1, 8):
        chained.append(chained[-1] * (100 - k) / 100)
    assert found["measured"].theta == pytest.approx(chained)


def test_nothing_is_pooled_unless_it_is_asked_for():
    _, reason = by_variant([Contrast(k, 50.0, 40.0, 9 if k > 5 else 90) for k in range(1, 8)], positions=8)

    assert "(6→7: 9, 7→8: 9; 10 needed)" in reason
