"""What searches notice while something else is done to Solr: latency and errors, before and meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import cycle
from typing import Any

import numpy as np

from reprise.errors import RepriseError
from reprise.solr.client import SolrClient

#: Searches that say what is usual, before anything is done.
BEFORE = 40


@dataclass(frozen=True)
class Noticed:
    """Searches ``asked``, those that failed, and quantiles of what the others took at the client, in milliseconds."""

    asked: int
    errors: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@contextmanager
def watched(
    client: SolrClient, searches: Sequence[Mapping[str, Any]], handler: str, per_second: float
) -> Iterator[dict[str, Any]]:
    """Send searches in turn at a steady rate while the block runs; one that fails is counted and stops nothing.

    The dictionary has ``before`` from the start, and ``meanwhile`` after the block, each as a ``Noticed``. At most one
    search is on its way, so a Solr slower than the rate is asked as fast as it answers.
    """
    seen: dict[str, Any] = {}
    if not searches:
        yield seen
        return
    turn, stop = cycle(searches), threading.Event()
    seen["before"] = asdict(_ask(client, turn, handler, per_second, stop, BEFORE))
    found: list[Noticed] = []
    thread = threading.Thread(target=lambda: found.append(_ask(client, turn, handler, per_second, stop)), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
        seen["meanwhile"] = asdict(found[0])


def _ask(
    client: SolrClient,
    turn: Iterator[Mapping[str, Any]],
    handler: str,
    per_second: float,
    stop: threading.Event,
    most: int | None = None,
) -> Noticed:
    taken: list[float] = []
    errors = asked = 0
    while most is None or asked < most:
        started = time.perf_counter()
        try:
            client.select(next(turn), handler)
            taken.append(1000 * (time.perf_counter() - started))
        except RepriseError:
            errors += 1
        asked += 1
        if stop.wait(max(0.0, 1 / per_second - (time.perf_counter() - started))):
            break
    quantiles = np.quantile(taken, [0.5, 0.95, 0.99]) if taken else [float("nan")] * 3
    p50, p95, p99 = (round(float(one), 2) for one in quantiles)
    return Noticed(asked, errors, p50, p95, p99)
