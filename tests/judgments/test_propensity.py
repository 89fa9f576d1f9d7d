"""The curves on the driver: by hand, clipped, given, by surface, and refused where positions cannot be compared."""

import numpy as np
import pytest

from reprise.judgments.harvest import Contrast
from reprise.judgments.propensity import by_em, curves
from reprise.settings.gate import Theta

SETTINGS = Theta(assumed=[1.0, 0.6, 0.3], min_pairs=10, clip=0.05, min_surface_pairs=40)


def by_variant(contrasts, positions=3, **settings):
    found, reason = curves(contrasts, SETTINGS.model_copy(update=settings), positions)
    return {(c.variant, c.surface) if c.surface else c.variant: c for c in found}, reason


def steps(*clicks, pairs=50, **more):
    """Contrasts of neighbours from position 1 down."""
    return [Contrast(k, k + 1, float(up), float(low), pairs, **more) for k, (up, low) in enumerate(clicks, start=1)]


def test_neighbours_are_chained_and_far_pairs_weighed_in():
    """θ = 1, 50/100, then 0.5 · 30/60; a contrast of 1 and 3 that agrees changes nothing, one that doesn't pulls."""
    chain = steps((100, 50), (60, 30), pairs=11)
    alone, reason = by_variant(chain)
    agreed, _ = by_variant([*chain, Contrast(1, 3, 400.0, 100.0, 7)])
    pulled, _ = by_variant([*chain, Contrast(1, 3, 400.0, 200.0, 7)])
    neighbours, _ = by_variant([*chain, Contrast(1, 3, 400.0, 200.0, 7)], method="adjacent")

    assert reason == ""
    assert alone["measured"].theta == pytest.approx((1.0, 0.5, 0.25))
    assert agreed["measured"].theta == pytest.approx((1.0, 0.5, 0.25))
    assert pulled["measured"].theta[2] > 0.3
    assert neighbours["measured"].theta == pytest.approx((1.0, 0.5, 0.25))
    assert agreed["measured"].pairs == (0, 11, 18)
    assert (agreed["measured"].method, neighbours["measured"].method) == ("all_pairs", "adjacent")


def test_the_other_curves():
    """One is flat; steep is the assumed curve to the power of 1.5; beyond its end the assumed curve stays level."""
    found, _ = by_variant([], positions=4)

    assert found["one"].theta == (1.0,) * 4
    assert found["assumed"].theta == (1.0, 0.6, 0.3, 0.3)
    assert found["steep"].theta == pytest.approx((1.0, 0.6**1.5, 0.3**1.5, 0.3**1.5))


@pytest.mark.parametrize(("lower", "expected"), [(0.0, 0.05), (250.0, 1.0)])
def test_no_position_leaves_the_range(lower, expected):
    """Noise neither hides a position for ever nor makes it more looked at than the first."""
    found, _ = by_variant(steps((100, lower), (100, 100)))

    assert found["measured"].theta[1] == expected


@pytest.mark.parametrize(
    "contrasts",
    [[], steps((100, 50)), [*steps((100, 50)), Contrast(2, 3, 60.0, 30.0, 9)]],
    ids=["one ranker", "a position never compared", "one seldom compared"],
)
def test_what_cannot_be_compared_is_refused_and_says_what_to_log(contrasts):
    """The assumed curve stands in, under its own name."""
    found, reason = by_variant(contrasts)

    assert "3: " in reason
    assert "10 needed" in reason
    assert "two rankers" in reason
    assert found["measured"].theta == found["assumed"].theta
    assert (found["measured"].method, found["measured"].low) == ("assumed", ())


def test_a_given_curve_is_taken_as_it_is():
    found, reason = by_variant(steps((100, 90), (100, 90)), method="given")

    assert found["measured"].theta == (1.0, 0.6, 0.3)
    assert found["measured"].method == "given"
    assert "given" in reason


def test_deep_steps_are_pooled_until_there_is_enough_of_them():
    """From position 4 down: 4→6 share (6 + 3) / (10 + 8) = 1/2; 6→8 join them, as 9 pairs are too few alone."""
    contrasts = [
        *steps((100, 80), (100, 80), (100, 80)),
        Contrast(4, 5, 10.0, 6.0, 7),
        Contrast(5, 6, 8.0, 3.0, 5),
        Contrast(6, 7, 4.0, 2.0, 6),
        Contrast(7, 8, 4.0, 2.0, 3),
    ]
    found, reason = by_variant(contrasts, positions=8, pool_from=4)

    ratio = (6 + 3 + 2 + 2) / (10 + 8 + 4 + 4)
    assert reason == ""
    expected = [1.0, 0.8, 0.64, 0.512, *(0.512 * ratio**n for n in (1, 2, 3, 4))]
    assert found["measured"].theta == pytest.approx([max(0.05, t) for t in expected])
    assert found["measured"].pairs == (0, 50, 50, 50, 21, 21, 21, 21)


def test_the_top_is_never_pooled():
    """Most of the bias is there: with too little to measure it, the curve is refused, whatever is below."""
    contrasts = [Contrast(k, k + 1, 50.0, 40.0, 9 if k == 3 else 90) for k in range(1, 8)]
    found, reason = by_variant(contrasts, positions=8, pool_from=4)

    assert "(4: 9; 10 needed)" in reason
    assert found["measured"].method == "assumed"


def test_nothing_is_pooled_unless_it_is_asked_for():
    _, reason = by_variant([Contrast(k, k + 1, 50.0, 40.0, 9 if k > 5 else 90) for k in range(1, 8)], positions=8)

    assert "(7: 9, 8: 9; 10 needed)" in reason


def test_a_surface_with_enough_evidence_has_its_own_curve():
    """The car has too little: it keeps the curve of all."""
    contrasts = [
        *steps((100, 80), (80, 64), surface="list"),
        *steps((100, 40), (40, 16), surface="grid"),
        *steps((100, 50), (60, 30), surface="car", pairs=39),
    ]
    found, _ = by_variant(contrasts)

    assert found["measured", "list"].theta == pytest.approx((1, 0.8, 0.64))
    assert found["measured", "grid"].theta == pytest.approx((1, 0.4, 0.16))
    assert ("measured", "car") not in found
    assert found["measured"].theta[1] == pytest.approx((80 + 40 + 50) / 300)
    assert not [key for key in by_variant(contrasts, min_surface_pairs=None)[0] if isinstance(key, tuple)]


def test_one_surface_needs_no_curve_of_its_own():
    assert not [key for key in by_variant(steps((100, 50), (50, 25), surface="web"))[0] if isinstance(key, tuple)]


def test_the_interval_is_wide_where_few_queries_say_much():
    """Forty parts that agree leave no doubt; forty that don't leave much."""
    alike = [c for part in range(40) for c in steps((10, 5), (6, 3), part=part)]
    unlike = [c for part in range(40) for c in steps((10, 9 if part % 2 else 1), (6, 3), part=part)]

    for contrasts, width in ((alike, 0.0), (unlike, 0.2)):
        curve = by_variant(contrasts)[0]["measured"]
        assert curve.theta[1] == pytest.approx(0.5)
        assert curve.low[1] <= curve.theta[1] <= curve.high[1]
        assert curve.high[1] - curve.low[1] == pytest.approx(width, abs=0.08)
        assert (curve.low[0], curve.high[0]) == (1, 1)


def test_em_finds_the_curve_from_counts():
    """Of pairs seen at all three places, without noise; it needs more iterations than anything else here."""
    theta, worth = (1, 0.5, 0.25), np.linspace(0.1, 0.6, 40)
    cells = [(n, k + 1, 1000.0, 1000.0 * g * t) for n, g in enumerate(worth) for k, t in enumerate(theta)]
    curve = by_em(cells, 3, 0.02)

    assert curve.theta == pytest.approx(theta, rel=0.01)
    assert (curve.variant, curve.pairs) == ("em", (40, 40, 40))
    assert by_em([], 3, 0.02) is None
    assert by_em(cells, 4, 0.02) is None  # nothing was seen at the fourth
