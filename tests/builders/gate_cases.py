"""Candidates whose truth is known, as the scores of a small service would have them."""

import numpy as np

from reprise.gate.paired import DECIDING_THETA, DECIDING_UNJUDGED, Paired
from reprise.gate.weigh import Case
from reprise.metrics import UNJUDGED_POLICIES, compare
from reprise.settings.gate import Policy

QUERIES = 300
READINGS = [(DECIDING_THETA, unjudged) for unjudged in UNJUDGED_POLICIES]


def changes(random, gain=0.0, share=0.4, noise=0.15, queries=QUERIES):
    """By how much an order is better, query by query: most do not change at all, a few change a lot.

    ``gain`` is the true mean over all queries, whatever share of them changes.
    """
    return (random.random(queries) < share) * (gain / share + noise * random.standard_normal(queries))


def paired(random, gaps, queries=QUERIES):
    """The scores of models by their gaps to the champion; unjudged items move each reading a little."""
    base = np.random.default_rng(7).uniform(0.4, 0.7, queries)
    values = {}
    for model, gap in {"champion": np.zeros(queries), **gaps}.items():
        for reading in READINGS:
            other = 0.0 if reading[1] == DECIDING_UNJUDGED else 0.1 * gap * random.standard_normal(queries)
            values[model, *reading] = np.where(np.arange(queries) % 10 == 9, np.nan, base + gap + other)
    number = np.arange(queries)
    segments = {
        "traffic": np.where(number < 5, "head", np.where(number < 40, "torso", "tail")),
        "language": np.array(["hi", "en", "ta"])[number % 3],
        "novelty": np.where(number % 4 > 0, "seen before", "new"),
    }
    return Paired([f"q{n}" for n in number], zipf(queries), segments, values)


def zipf(queries):
    """Searches of each query: the first is searched most, as in any log."""
    return np.floor(2000 / np.arange(1, queries + 1)) + 1


def expected(gap, noise, random, policy):
    """Expected consumption of candidate beside champion: a tenth of the gap of the deciding metric, and its noise."""
    found = compare(
        0.1 * gap + noise * random.standard_normal(len(gap)), 0 * gap, zipf(len(gap)), resamples=policy.resamples
    )
    return {
        "comparison": {"difference": found.difference, "lower": found.lower, "upper": found.upper},
        "inconclusive": "",
    }


def case(seed, policy=None, refresh="", retrained=None, estimated=0.05, **how):
    """A candidate of a service with a champion, as the gate meets it: all baselines are clearly worse than either."""
    random, queries = np.random.default_rng(seed), how.get("queries", QUERIES)
    policy = policy or Policy(resamples=500)
    gap = changes(random, **how)
    gaps = {"candidate": gap}
    gaps |= {name: changes(random, -0.1, 1.0, 0.05, queries) for name in ("engine_order", "popularity", "best_feature")}
    if retrained is not None:
        gaps["champion_retrained"] = changes(random, retrained, how.get("share", 0.4), how.get("noise", 0.15), queries)
    return Case(
        "candidate", "champion", policy, paired(random, gaps, queries), ["engine_order", "popularity", "best_feature"],
        refresh=refresh, retrained=retrained is not None,
        expected=expected(gap, estimated, random, policy) if estimated is not None else {},
    )  # fmt: skip
