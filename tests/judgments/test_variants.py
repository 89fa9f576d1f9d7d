"""Which spellings are one query: by the answers they get, from plain Python over the same rows."""

from collections import Counter

import numpy as np
import pytest

from reprise.judgments.fold import fold
from reprise.judgments.variants import variants, with_group
from reprise.settings.gate import Judging

pytestmark = pytest.mark.spark

SPELLINGS = ["beyonce", "beyoncé", "Beyonce!", "tum hi ho", "tumhiho", "tum-hi-ho", "abba", "दिल", "?!", "! ?"]


def rows(seed):
    """Impressions and searches at random: items from a few, so that some answers are alike and some are not."""
    rng = np.random.default_rng(seed)
    items, queries = [], []
    for q in SPELLINGS:
        queries += [{"dt": day, "q": q, "searches": int(rng.integers(1, 50))} for day in ("1", "2")]
        if rng.random() < 0.2:
            continue  # never answered
        first = int(rng.integers(0, 8))
        items += [
            {
                "dt": day,
                "q": q,
                "item": f"song:{first + n}",
                "position": n + 1,
                "impressions": float(rng.integers(0, 9)),
            }
            for day in ("1", "2")
            for n in range(int(rng.integers(1, 9)))
        ]
    return items, queries


def by_hand(items, queries, least, top):
    searches, shown = Counter(), {}
    for row in queries:
        searches[row["q"]] += row["searches"]
    for row in items:
        if row["impressions"] > 0:
            shown.setdefault(row["q"], Counter())[row["item"]] += row["impressions"]
    tops = {
        q: {i for i, _ in sorted(some.items(), key=lambda one: (-one[1], one[0]))[:top]} for q, some in shown.items()
    }
    found = {}
    for q in searches:
        alike = sorted((o for o in searches if fold(o) == fold(q)), key=lambda o: (o not in tops, -searches[o], o))
        if len(alike) < 2:
            continue
        ours, model = tops.get(q), tops.get(alike[0])
        overlap = len(ours & model) / min(len(ours), len(model)) if ours else None
        pooled = overlap is None or overlap >= least
        found[q] = (fold(q) if pooled else f"= {q}", alike[0], overlap, pooled, searches[q])
    return found


@pytest.mark.parametrize(("seed", "least", "top"), [(1, 0.3, 10), (2, 0.5, 3), (3, 0.9, 10), (4, 0.0, 10), (5, 0.4, 2)])
def test_decisions_are_those_of_plain_python(spark, seed, least, top):
    items, queries = rows(seed)
    settings = Judging(min_overlap=least, top_results=top)
    found = variants(spark.createDataFrame(items), spark.createDataFrame(queries), settings).collect()
    expected = by_hand(items, queries, least, top)

    assert {r.q: (r.query_group, r.compared_with, r.overlap, r.pooled, r.searches) for r in found} == expected
    assert "abba" not in expected


def test_a_spelling_with_other_answers_is_a_query_by_itself(spark):
    """Two artists whose names differ by an accent keep their judgments apart; the third spelling joins the first."""
    items = [
        {"q": q, "item": f"song:{first + n}", "impressions": 5.0}
        for q, first in (("beyonce", 0), ("beyoncé", 100), ("beyonce!", 2))
        for n in range(5)
    ]
    queries = [{"q": q, "searches": n} for q, n in (("beyonce", 90), ("beyoncé", 20), ("beyonce!", 5), ("abba", 1))]
    searched = spark.createDataFrame(queries)
    decided = variants(spark.createDataFrame(items), searched, Judging())
    groups = {row.q: row.query_group for row in with_group(searched, decided).collect()}

    assert groups == {"beyonce": "beyonce", "beyoncé": "= beyoncé", "beyonce!": "beyonce", "abba": "abba"}
