"""The smallest gain a block could show: against brute force, against a list counted by hand, and where it is silent."""

import math
import re
from statistics import NormalDist

import numpy as np
import pytest

from builders.logs import Logs, at
from reprise.metrics import effective_n
from reprise.searches import detectable
from reprise.searches.calendar import raw_files
from reprise.searches.check import check
from reprise.searches.detectable import (
    Shown,
    equal_queries,
    order_differences,
    searches_per_day,
    shown_searches,
    simpson,
)


@pytest.mark.parametrize(("exponent", "searches"), [(0.0, 300), (0.8, 1_000), (1.0, 10_000), (1.3, 3_000)])
def test_the_spread_is_that_of_simulated_blocks(exponent, searches):
    """Blocks drawn from a known distribution of queries, each query with a difference of known spread."""
    rng = np.random.default_rng(5)
    p = np.arange(1, 2_001) ** -exponent
    p /= p.sum()
    spread = 0.3
    counts = rng.multinomial(searches, p, 2_000)
    means = [(n / n.sum()) @ rng.normal(0.0, spread, len(p)) for n in counts]

    expected = spread / math.sqrt(equal_queries(float(p @ p), searches))

    assert float(np.std(means)) == pytest.approx(expected, rel=0.25)
    kish = float(np.mean([effective_n(n) for n in counts]))
    assert equal_queries(float(p @ p), searches) == pytest.approx(kish, rel=0.25)


def test_a_gain_of_that_size_is_found_in_four_of_five_blocks():
    """A two-sided test at 95 % on blocks whose true gain is the smallest detectable one."""
    rng = np.random.default_rng(6)
    p = np.arange(1, 1_001) ** -0.8
    p /= p.sum()
    spread, searches = 0.25, 5_000
    equal = equal_queries(float(p @ p), searches)
    gain = detectable.detectable(spread, equal, 0.95)
    blocks = rng.multinomial(searches, p, 2_000)
    found = [
        (n / n.sum()) @ rng.normal(gain, spread, len(p)) > NormalDist().inv_cdf(0.975) * spread / math.sqrt(equal)
        for n in blocks
    ]

    assert float(np.mean(found)) == pytest.approx(0.8, abs=0.05)


def test_simpsons_estimate_is_unbiased():
    """Small samples say on average what the distribution is; the plain sum of squares would not."""
    rng = np.random.default_rng(7)
    p = np.arange(1, 101) ** -1.0
    p /= p.sum()
    drawn = rng.multinomial(40, p, 4_000)

    assert float(np.mean([simpson(n) for n in drawn])) == pytest.approx(float(p @ p), rel=0.05)
    assert simpson([1]) == 1.0


def test_differences_of_a_list_counted_by_hand():
    """The logged order has the consumed item second; elsewhere it is the most popular one."""
    searches = [
        Shown("a", ["x", "y", "z"], {"y"}),
        Shown("b", ["y", "x"], {"y"}),
        Shown("c", ["x", "z"], set()),
    ]
    second = 1 / math.log2(3)

    # For a: second as logged, first by b's consumption. For b: first both ways, by a's consumption.
    assert order_differences(searches).tolist() == pytest.approx([second - 1, 0.0])


def _busy(root, days=3, per_day=40):
    """A log whose listeners each search for one of thirty queries and take the second result."""
    logs = Logs(root)
    for n in range(days * per_day):
        day, query = n // per_day, n % 30
        items = [f"s:{query}", f"s:{query + 1}", f"s:{query + 2}"]
        logs.search(f"q{n}", at(day, 8 + n % 12), f"raga {query}", items, f"u{n}")
        logs.event("click", f"q{n}", at(day, 8 + n % 12, 9), items[n % 3], f"u{n}", 1 + n % 3)
        logs.play(f"p{n}", at(day, 8 + n % 12, 10), items[n % 3], user=f"u{n}")
    logs.write()
    return logs


def test_check_says_how_small_a_gain_the_log_can_show(tmp_path):
    """Searches are those of the newest whole day, 40, times the days of a test block."""
    deployment = _busy(tmp_path).deployment()
    report = check(deployment)
    traffic = searches_per_day(deployment.logs, raw_files(deployment.logs), {"app": 0.5})

    assert traffic.per_day == pytest.approx(40)
    found = re.fullmatch(
        r"smallest gain: about (0\.\d+) of consumption NDCG in a test block of 7 days \(about 280 searches, which count"
        r" like (\d+) equal queries\)",
        report.gain,
    )
    assert found
    # Thirty queries, each drawn four times of 120: Σp² = 30·4·3 / (120·119); 1 / (Σp² + (1 − Σp²) / 280) = 34.9.
    assert found[2] == "35"


def test_a_file_that_is_not_read_to_its_end_gives_a_bound(tmp_path, monkeypatch):
    deployment = _busy(tmp_path).deployment()
    monkeypatch.setattr(detectable, "_MOST_RECORDS", 20)

    assert "smallest gain: at most about" in check(deployment).gain


def test_where_the_sample_says_too_little(tmp_path):
    logs = Logs(tmp_path)
    logs.quiet_days(range(3))
    logs.write()

    assert check(logs.deployment()).gain.startswith("smallest gain: cannot tell, the sample holds 0 queries")


def test_where_no_day_is_whole(tmp_path):
    """The only day there is may be under way."""
    assert "no files are of a whole day" in check(_busy(tmp_path, 1).deployment()).gain


def test_what_was_shown_may_be_impressions_of_their_own(tmp_path):
    """And a play by the same listener is consumption without a click."""
    logs = Logs(tmp_path)
    logs.search("s1", at(0, 9), "Raga  One", None, "u1")
    for position, item in ((2, "b"), (1, "a")):
        logs.event("impression", "s1", at(0, 9, 1), item, "u1", position)
    logs.play("p1", at(0, 9, 2), "b", user="u1")
    logs.write()
    deployment = logs.deployment()
    deployment.logs.sources[0].actions["impression"] = "impression"

    from reprise.searches.by_hand import raw_records
    from reprise.searches.sample import read_record

    used = [
        read_record(source, raw)
        for source, file in zip(deployment.logs.sources, raw_files(deployment.logs), strict=True)
        for raw in raw_records(source, file.uri)
    ]
    assert shown_searches(used) == [Shown("raga one", ["a", "b"], {"b"})]
