"""The utility of a play, by hand and in two engines."""

import numpy as np
import pytest

from reprise.searches.utility import of_plays
from reprise.settings import Utility


@pytest.mark.parametrize(
    ("seconds", "duration", "expected"),
    [
        (4.9, 200, 0.0),  # a bounce
        (5, 200, 0.1),  # sampled
        (29.9, 200, 0.1),
        (30, 200, 0.5),  # listened
        (115, 200, 0.75),  # halfway from 30 to 200
        (200, 200, 1.0),
        (400, 200, 1.0),  # played over
        (135, 600, 0.75),  # a long track counts up to 240 s
        (10, 20, 0.5),  # half of a short track
        (20, 20, 1.0),
        (2, 4, 0.5),  # shorter than a bounce
        (135, np.nan, 0.75),  # unknown length
        (np.nan, 200, np.nan),  # unknown, not zero
    ],
)
def test_utility_by_hand(seconds, duration, expected):
    """The formula of the module's docstring, worked out by hand."""
    (actual,) = of_plays(np.array([float(seconds)]), np.array([float(duration)]), Utility())

    assert expected == pytest.approx(actual, nan_ok=True)


@pytest.mark.spark
def test_spark_and_numpy_agree(spark):
    """One formula in two engines."""
    from pyspark.sql import functions as F

    from reprise.searches.utility import of_play

    rng = np.random.default_rng(7)
    seconds, duration = rng.uniform(0, 400, 500), rng.choice([3.0, 8, 20, 59, 60, 180, 240, 241, 600], 500)
    rows = [(float(s), float(d)) for s, d in zip(seconds, duration, strict=True)] + [(None, 60.0), (40.0, None)]
    frame = spark.createDataFrame(rows, "seconds double, duration double")
    column = of_play(F.col("seconds"), F.col("duration"), Utility())
    actual = [row[0] for row in frame.select(column).collect()]
    expected = of_plays(
        np.array([np.nan if s is None else s for s, _ in rows]),
        np.array([np.nan if d is None else d for _, d in rows]),
        Utility(),
    )

    assert expected == pytest.approx(np.array([np.nan if a is None else a for a in actual]), nan_ok=True)


@pytest.mark.spark
def test_a_sum_is_the_same_in_whatever_order(spark):
    """0.7 and three times 0.1 make one; as floats, only where 0.7 comes last."""
    from pyspark.sql import functions as F

    from reprise.searches.utility import is_whole, total

    assert sum([0.7, 0.1, 0.1, 0.1]) < 1 == sum([0.1, 0.1, 0.1, 0.7])
    rows = [(place, 0.7 if n == place else 0.1) for place in range(4) for n in range(4)]
    rows += [(9, 1 / 3)] * 3 + [(10, 0.5), (10, 0.4999)]
    frame = spark.createDataFrame(rows, "place int, utility double").coalesce(1)
    summed = frame.groupBy("place").agg(total(F.col("utility")).alias("summed"))
    found = {row[0]: (row[1], row[2]) for row in summed.select("place", "summed", is_whole(F.col("summed"))).collect()}

    assert [found[place] for place in range(4)] == [(1.0, True)] * 4
    assert found[9] == (pytest.approx(1), True)
    assert found[10] == (pytest.approx(0.9999), False)
