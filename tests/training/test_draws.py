"""Queries drawn by a hash: nested, whole, as often as Poisson says, and the same on Spark."""

import hashlib

import numpy as np
import pytest

from reprise.training.draws import all_but, bootstrap, share

QUERIES = [f"गाना {n} o'clock" for n in range(4000)]


def test_a_larger_share_holds_a_smaller_one():
    fifth, half = share(0.2, 3).times(QUERIES), share(0.5, 3).times(QUERIES)

    assert fifth.mean() == pytest.approx(0.2, abs=0.02)
    assert half.mean() == pytest.approx(0.5, abs=0.025)
    assert (half[fifth == 1] == 1).all()
    other = share(0.2, 4).times(QUERIES)
    assert (fifth * other).mean() == pytest.approx(0.04, abs=0.012)  # of another seed: independent


def test_every_query_is_held_out_by_one_fold():
    out = sum(1 - all_but(fold, 5, 7).times(QUERIES) for fold in range(5))

    assert (out == 1).all()


def test_the_bootstrap_counts_as_poisson_does():
    times = np.array([bootstrap(seed).times(QUERIES) for seed in range(10)])

    assert times.mean() == pytest.approx(1, abs=0.02)
    assert times.var() == pytest.approx(1, abs=0.04)
    assert abs(np.corrcoef(times[0], times[1])[0, 1]) < 0.05


def test_a_place_is_the_beginning_of_an_md5():
    place = int(hashlib.md5(b"3\tabc").hexdigest()[:8], 16) / 2**32

    assert [share(place - 1e-9, 3).times(["abc"])[0], share(place + 1e-9, 3).times(["abc"])[0]] == [0, 1]


@pytest.mark.spark
@pytest.mark.parametrize("draw", [share(0.3, 1), all_but(1, 3, 2), bootstrap(5)], ids=["share", "fold", "bootstrap"])
def test_spark_draws_the_same(spark, draw):
    rows = spark.createDataFrame([(query, 0.5) for query in QUERIES[:500]], ["query_group", "weight"])

    expected = {q: 0.5 * n for q, n in zip(QUERIES, draw.times(QUERIES[:500]).tolist(), strict=False) if n}

    assert {row["query_group"]: row["weight"] for row in draw.weigh(rows).collect()} == expected
