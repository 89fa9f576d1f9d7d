"""What an unjudged item counts for."""

import numpy as np
import pytest

from reprise.metrics import UNJUDGED_POLICIES, consumption_ndcg, resolve_unjudged


@pytest.mark.parametrize(
    ("policy", "kept", "filled"),
    [("judged_only", [True, False, True], 0.0), ("zero", [True] * 3, 0.0), ("prior", [True] * 3, 0.3)],
)
def test_each_policy(policy, kept, filled):
    keep, gains = resolve_unjudged(np.array([0.8, np.nan, 0.1]), policy, 0.3)

    assert keep.tolist() == kept
    assert gains.tolist() == [0.8, filled, 0.1]


def test_a_ranker_that_lifts_unjudged_items_is_only_punished_by_zero():
    """Three different numbers for one ranking: why the three signs must agree."""
    gains, scores, queries = np.array([0.8, np.nan, 0.1]), np.array([2.0, 3.0, 1.0]), np.zeros(3, int)
    values = {}
    for policy in UNJUDGED_POLICIES:
        keep, filled = resolve_unjudged(gains, policy, 0.3)
        values[policy] = consumption_ndcg().per_query(queries[keep], scores[keep], filled[keep], 1)[0]

    assert values["judged_only"] == 1.0
    assert values["zero"] < values["prior"] < 1.0
