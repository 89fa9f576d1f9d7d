"""How often the whole gate errs: simulated candidates of known worth, through every check that scores answer."""

from collections import Counter

import pytest
from threadpoolctl import threadpool_limits

from builders.gate_cases import case
from reprise.gate.checks import answer
from reprise.gate.weigh import weigh

OLD = "what serves learned its last 30 days ago"


@pytest.fixture(autouse=True)
def _one_core():
    """Many small products: waiting for a second core's share costs more than it brings."""
    with threadpool_limits(1):
        yield


def answers(candidates, **how):
    """What the gate says of so many candidates, each of another seed."""
    return Counter(answer(weigh(case(seed, **how)).checks) for seed in range(candidates))


@pytest.mark.parametrize("share", [0.4, 0.1], ids=["many changes", "few changes"])
def test_of_200_candidates_that_are_no_better_at_most_the_stated_rate_is_promoted(share):
    """2.5 % of 200 are 5; without estimates of consumption, which would stop some more. Noise is "not proven"."""
    found = answers(200, share=share, estimated=None)

    assert found["yes"] <= 5
    assert found["cannot tell"] >= 180


def test_a_refresh_that_is_worse_by_the_margin_seldom_passes_either_way():
    """Asked to be better first, and then to be no worse: two chances, one error rate."""
    found = answers(200, gain=-0.005, share=0.2, noise=0.05, refresh=OLD, estimated=None)

    assert found["yes"] <= 10  # 2.5 % of 200 are 5; more than 10 once in a hundred


def test_a_real_gain_and_an_honest_refresh_get_through():
    """And a gain is found by the same checks that noise does not pass."""
    gains = answers(40, gain=0.1, share=0.4, estimated=0.02)
    fresh = answers(40, share=0.2, noise=0.02, refresh=OLD, estimated=0.02)

    assert gains["yes"] >= 30
    assert fresh["yes"] >= 16


def test_a_candidate_that_newer_days_explain_is_no_better_model():
    """As much better than the champion as the champion's own recipe on the same days is."""
    found = answers(40, gain=0.1, retrained=0.1, estimated=None)

    assert found["yes"] <= 2
