"""Features alone: against scipy and scikit-learn, with planted leaks, repeats and drift; and the page."""

import json
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from reprise.features.health import Part, examine
from reprise.features.health_page import to_html
from reprise.metrics import consumption_ndcg

NAMES = ["good", "bad", "noise", "copy", "leak", "still", "moving"]


def part(seed, queries=80, depth=10, moved=0.0):
    """Two features that know g, one that knows nothing, a copy, the label itself, a constant, and one that moves."""
    rng = np.random.default_rng(seed)
    g = rng.beta(1, 3, queries * depth)
    noise = rng.normal(size=len(g))
    columns = [
        g + rng.normal(0, 0.2, len(g)),
        -g + rng.normal(0, 0.4, len(g)),
        noise,
        np.exp(noise),
        g,
        np.full(len(g), 3.0),
        rng.normal(moved, 1, len(g)),
    ]
    unjudged = rng.random(len(g)) < 0.2
    codes = np.repeat(np.arange(queries), depth)
    traffic = np.repeat(rng.integers(1, 30, queries), depth).astype(float)
    return Part(np.stack(columns, axis=1).astype(np.float32), codes, np.where(unjudged, np.nan, g), traffic)


@pytest.fixture(scope="module")
def found():
    health = examine(NAMES, part(1), part(2), part(3, moved=1.0))
    return {one.name: one for one in health.features}, health


def test_a_leak_is_suspected_and_nothing_else(found):
    _, health = found

    assert [one.name for one in health.suspects(0.95)] == ["leak"]


def test_auc_is_scikit_learns(found):
    features, _ = found
    held_out = part(2).judged()
    better = held_out.g > np.median(held_out.g)

    for n, name in enumerate(NAMES):
        expected = roc_auc_score(better, held_out.vectors[:, n])
        assert features[name].auc == pytest.approx(max(expected, 1 - expected))


def test_correlations_are_scipys(found):
    _, health = found
    changing = [n for n, name in enumerate(NAMES) if name != "still"]
    rho = np.array(health.correlations)
    expected = spearmanr(part(1).vectors[:, changing])[0]

    assert rho[np.ix_(changing, changing)] == pytest.approx(expected, abs=1e-4)
    assert rho[NAMES.index("still")].tolist() == [0, 0, 0, 0, 0, 1, 0]


def test_what_repeats_what(found):
    features, _ = found

    assert (features["copy"].repeats, features["noise"].repeats) == ("noise", "copy")
    assert features["copy"].repeats_by == pytest.approx(1)


def test_the_order_by_one_feature(found):
    """The metric itself, in the direction that is better."""
    features, _ = found
    held_out = part(2).judged()
    _, first = np.unique(held_out.codes, return_index=True)
    values = consumption_ndcg().per_query(held_out.codes, -held_out.vectors[:, 1].astype(float), held_out.g, 80)
    traffic = held_out.traffic[first]

    assert features["bad"].alone == pytest.approx(np.nansum(values * traffic) / traffic[~np.isnan(values)].sum())
    assert (features["good"].rises, features["bad"].rises) == (True, False)
    assert features["good"].alone > features["bad"].alone > features["noise"].alone


def test_drift_is_seen_where_it_is(found):
    features, _ = found

    assert features["moving"].drift > 0.25
    assert max(one.drift for name, one in features.items() if name != "moving") < 0.1
    assert features["still"].drift == 0


def test_spread(found):
    features, _ = found
    values = part(1).vectors[:, 0]

    assert features["good"].quantiles == pytest.approx(np.quantile(values, [0.05, 0.5, 0.95]))
    assert (features["still"].zero_share, features["still"].distinct) == (0, 1)


def test_without_rows_there_are_no_numbers():
    empty = Part(np.zeros((0, 2), np.float32), np.zeros(0, int), np.zeros(0), np.zeros(0))
    told = examine(["a", "b"], empty, empty, empty).to_dict()

    assert told["features"][0]["auc"] is None
    assert json.dumps(told, allow_nan=False)


def page_of(health, **changes):
    lost = {"query": "a <query>", "searches": 12, "lost_share": 0.4, "of_all_lost": 0.9, "items": 3}
    told = {
        "run": "r1",
        "meanings": dict.fromkeys(NAMES, "a <feature>"),
        "metric": "consumption_ndcg_at_10",
        "rows": 800,
        "judged": 640,
        "limit": 0.95,
        "ceiling": {"reachable_share": 0.87, "rerank_docs": 100, "lost": [lost]},
        "reach": {"recall": {"test": 0.9}, "zero_result_share": 0.03, "top_failing_queries": [["zx <b>", 20]]},
        "skew": {},
        "last": "",
    }
    return to_html(health, **{**told, **changes})


def test_the_page_says_what_retrieval_leaves(found):
    page = page_of(found[1])

    assert "<strong>87.0 %</strong>" in page
    assert 'a &lt;query&gt;</td><td class="n">12</td><td class="n">40 %</td>' in page
    assert "zx &lt;b&gt; (20)" in page
    assert "Nothing was consumed" in page_of(found[1], ceiling={"reachable_share": None, "rerank_docs": 9, "lost": []})


def test_skew_and_the_last_training_are_shown_where_there_are_any(found):
    _, health = found
    plain, more = page_of(health), page_of(health, skew={"good": {"differing_share": 0.25}}, last="r0")

    assert ">Skew</th>" not in plain
    assert ">Since last</th>" not in plain
    assert ">Skew</th>" in more
    assert "25 %" in more
    assert "beside run r0" in more


def test_bars_are_the_shares_of_rows_and_of_good_items(found):
    features, _ = found
    values, held_out = part(1).vectors[:, 0].astype(float), part(2).judged()
    good = held_out.vectors[held_out.g > np.median(held_out.g), 0].astype(float)
    histogram = features["good"].histogram

    assert histogram.edges[0] == pytest.approx(np.quantile(values, 0.01))
    for shares, those in ((histogram.rows, values), (histogram.good, good)):
        assert sum(shares) == pytest.approx(1)
        inner = [(those >= a) & (those < b) for a, b in pairwise(histogram.edges[1:-1])]
        assert shares[1:-1] == pytest.approx([one.mean() for one in inner])


def test_drift_since_the_last_training_is_none_for_the_same_rows_and_large_for_moved_ones(found):
    last = {name: one.histogram for name, one in found[0].items()}
    again = examine(NAMES, part(1), part(2), part(3), last=last)
    moved = examine(NAMES, part(4, moved=1.0), part(2), part(3), last=last)

    assert [one.since_last for one in again.features] == pytest.approx([0.0] * len(NAMES))
    assert {one.name for one in moved.features if one.since_last > 0.25} == {"moving"}
    assert np.isnan(found[0]["good"].since_last)


def test_what_is_unknown_is_what_holds_the_default(found):
    features = examine(NAMES, part(1), part(2), part(3), defaults={"still": 3.0}).features

    assert features[NAMES.index("still")].unknown_share == 1
    assert found[0]["still"].unknown_share == 0


def test_the_page_shows_every_feature_and_marks_the_leak(found):
    _, health = found
    page = page_of(health)

    assert all(f"<td>{name}<br>" in page for name in NAMES)
    assert "leak tells good items from bad by itself with an AUC of 1.000" in page
    assert "a &lt;feature&gt;" in page
    assert "nan" not in page
