"""The smallest gain that a test block of these logs could show, before any model is trained.

A gain is a difference of two rankings' NDCG@10, by query and weighted by traffic. Of N searches for queries with
shares p, the weighted mean of independent differences with the standard deviation s has the variance s² E[Σ (n/N)²],
and for multinomial counts n that is s² (Σp² + (1 − Σp²) / N). So the searches count like

    n_eff = 1 / (Σp² + (1 − Σp²) / N)

equal queries (Kish, *Survey Sampling*, 1965, in expectation), and a two-sided test at the gate's confidence finds, with
80 % power, as in ``metrics.significance``,

    smallest gain = (z of (1 + confidence) / 2 + z of 0.8) · s / √n_eff.

From the sample: Σp² is Simpson's unbiased estimate, Σ n(n − 1) / (N(N − 1)) (Nature, 1949), over all its searches; s is
the deviation between the order as logged and the order by popularity, over queries with something consumed. Labels of
a whole block are less noisy than a sample's, and a good model differs less from what is live, so this is no promise.
A sample also misses consumption whose plays or events are not in it, so it counts too few searches, not too many.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from reprise.metrics import consumption_ndcg
from reprise.metrics.ranking import Floats
from reprise.searches.by_hand import raw_records
from reprise.searches.calendar import RawFile
from reprise.searches.sample import Sampled
from reprise.searches.text import normalise
from reprise.settings import Deployment, Logs

_POWER = 0.8
_FEWEST = 10  # queries with something consumed, to know how far differences spread
_MOST_RECORDS = 100_000  # of the one file that is read to its end


@dataclass
class Shown:
    """A sampled search: its query, its items in order, and those of them that were clicked, saved or played."""

    query: str
    items: list[str]
    consumed: set[str] = field(default_factory=set)


class Traffic(NamedTuple):
    """Searches of an average day; ``at_least`` where the file that was counted had more records than were read."""

    per_day: float
    at_least: bool


def smallest_gain(
    deployment: Deployment, used: Sequence[Sampled], files: Sequence[RawFile], shares: Mapping[str, float]
) -> str:
    """Return the answer in one line, with the numbers behind it; ``cannot tell`` and why, where there is too little.

    ``used`` are the sampled records that an extraction would use; ``shares``, by source, is how many of its records
    are searches.
    """
    searches = shown_searches(used)
    differences = order_differences(searches)
    if len(differences) < _FEWEST:
        return (
            f"smallest gain: cannot tell, the sample holds {len(differences)} queries of which something shown was"
            f" consumed (at least {_FEWEST})"
        )
    spread = float(differences.std(ddof=1))
    if spread == 0:
        return "smallest gain: cannot tell, the order by popularity is as good as the logged one for every query"
    traffic = searches_per_day(deployment.logs, files, shares)
    if traffic is None:
        return "smallest gain: cannot tell, by their addresses no files are of a whole day"
    days = deployment.gate.blocks.test_days
    consumed = sum(bool(one.consumed) for one in searches) / len(searches)
    block = traffic.per_day * days * consumed
    equal = equal_queries(simpson(Counter(one.query for one in searches).values()), block)
    gain = detectable(spread, equal, deployment.gate.policy.confidence)
    return (
        f"smallest gain: {'at most ' if traffic.at_least else ''}about {gain:.2g} of consumption NDCG in a test block"
        f" of {days} days (about {_rounded(block)} searches, which count like {_rounded(equal)} equal queries)"
    )


def detectable(spread: float, equal: float, confidence: float) -> float:
    """Return the smallest true gain found with 80 % power, on the metric's scale."""
    normal = NormalDist()
    return (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(_POWER)) * spread / math.sqrt(equal)


def simpson(counts: Iterable[int]) -> float:
    """Return the unbiased estimate of Σp² from how often each query was drawn; 1 where one draw is all there is."""
    drawn = list(counts)
    total = sum(drawn)
    return sum(n * (n - 1) for n in drawn) / (total * (total - 1)) if total > 1 else 1.0


def equal_queries(concentration: float, searches: float) -> float:
    """Return how many queries of equal traffic so many searches count like, where Σp² is this."""
    return 1 / (concentration + (1 - concentration) / max(searches, 1.0))


def shown_searches(used: Iterable[Sampled]) -> list[Shown]:
    """Return the sampled searches that showed anything, with what became of it as far as the sample says."""
    used = list(used)
    displayed: dict[str, dict[int, str]] = defaultdict(dict)
    chosen: dict[str, set[str]] = defaultdict(set)
    played: dict[str, set[str]] = defaultdict(set)
    for one in used:
        item, search, action = one.fields["item"], one.fields["search_id"], one.fields["action"]
        if one.kind == "play":
            played[str(one.user)] |= {key for key in (item, one.fields["from_item"]) if key}
        elif action == "impression":
            displayed[search].setdefault(one.fields["position"], item)
        elif one.kind == "event" and search:
            chosen[search].add(item)
    found: dict[str, Shown] = {}
    for one in used:
        search = one.fields["search_id"]
        if one.kind == "search" and search not in found:
            listed = one.results or [item for _, item in sorted(displayed[search].items())]
            items = list(dict.fromkeys(item for item in listed if item))
            consumed = set(items) & (chosen[search] | played[str(one.user)])
            found[search] = Shown(normalise(one.fields["query"]) or "", items, consumed)
    return [one for one in found.values() if one.items]


def order_differences(searches: Sequence[Shown]) -> Floats:
    """Return, per query with something consumed, NDCG@10 as logged minus by popularity.

    An item's gain is the share of its showings that were consumed; its logged place is the mean one. Its popularity
    leaves out the query itself, which would otherwise know the answer.
    """
    queries = {query: number for number, query in enumerate(dict.fromkeys(one.query for one in searches))}
    places: dict[tuple[int, str], list[int]] = defaultdict(list)
    taken: Counter[tuple[int, str]] = Counter()
    popular: Counter[str] = Counter()
    for one in searches:
        for place, item in enumerate(one.items):
            places[queries[one.query], item].append(place)
        taken.update((queries[one.query], item) for item in one.consumed)
        popular.update(one.consumed)
    rows = list(places)
    codes = np.array([query for query, _ in rows], dtype=np.int64)
    gains = np.array([taken[row] / len(places[row]) for row in rows])
    logged = np.array([-float(np.mean(places[row])) for row in rows])
    by_others = np.array([float(popular[row[1]] - taken[row]) for row in rows])
    metric = consumption_ndcg(10)
    found = metric.per_query(codes, logged, gains, len(queries))
    found = found - metric.per_query(codes, by_others, gains, len(queries))
    return found[~np.isnan(found)]


def searches_per_day(logs: Logs, files: Sequence[RawFile], shares: Mapping[str, float]) -> Traffic | None:
    """Return the searches of the newest whole day, all sources together, or None where no source has such a day.

    The last day by a source's addresses may be under way, so it is the one before. One of its files, of the middle
    size, is read to its end for records per byte. ``shares``: of searches among a source's records.
    """
    total, at_least, known = 0.0, False, False
    for source in logs.sources:
        mine = [file for file in files if file.source == source.name and file.day]
        if not shares.get(source.name):
            continue
        days = sorted({file.day for file in mine})
        if len(days) < 2:
            at_least = True  # its searches are there, and nobody knows how many a day
            continue
        whole = sorted((file for file in mine if file.day == days[-2]), key=lambda file: (file.size, file.uri))
        one = whole[len(whole) // 2]
        records = sum(1 for _ in islice(raw_records(source, one.uri), _MOST_RECORDS))
        at_least |= records == _MOST_RECORDS
        total += records / max(one.size, 1) * sum(file.size for file in whole) * shares[source.name]
        known = True
    return Traffic(total, at_least) if known else None


def _rounded(number: float) -> str:
    """Return a number with two significant digits: it is an estimate."""
    digits = max(0, math.floor(math.log10(max(number, 1))) - 1)
    return f"{round(number, -digits):,.0f}"
