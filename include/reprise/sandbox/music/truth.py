"""What the simulated listeners truly want: the worth of showing an item for a text, and the best possible order.

g(text, item) = Σ P(target | text) · P(click | looked at, target, item) · E[utility | click, target, item]. A ranking's
true consumption is Σ θ_rank · g, expected per search. Exact for plain PBM listeners and first searches; what is typed
after a failure names its item, so its mixture is as exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from reprise.errors import UsageError
from reprise.sandbox.music.catalogue import Floats, Ints
from reprise.sandbox.music.config import THETA
from reprise.sandbox.music.listening import attraction, satisfaction
from reprise.sandbox.music.wishes import wanted_by_all
from reprise.sandbox.music.world import World


class Truth:
    """The truth about some days of a world, averaged over them."""

    def __init__(self, world: World, days: Sequence[int]) -> None:
        if world.switches.cascade_stop or world.switches.trust_bias or world.switches.feedback:
            raise UsageError(
                "the true worth is exact for plain position-based listeners only",
                "switch off cascade_stop, trust_bias and feedback",
            )
        self.world = world
        self._wanted = np.mean([wanted_by_all(_by_activity(world, day)) for day in days], axis=0)

    @cached_property
    def _meaning(self) -> tuple[Ints, Ints, Floats]:
        """The sparse P(text and target): row starts, targets, probabilities; what is typed after a failure apart."""
        joint = self.world.wishes.matrix().multiply(self._wanted[None, :]).tocsr()
        joint.eliminate_zeros()
        return joint.indptr, joint.indices, joint.data

    def targets(self, query: str) -> tuple[Ints, Floats]:
        """Return what a text may mean, and how likely; a text nobody types is a UsageError."""
        number = self.world.text_index.get(query)
        if number is None:
            raise UsageError(f"no listener types {query!r}", "ask for a text of the logs, in lower case")
        starts, targets, shares = self._meaning
        part = slice(starts[number], starts[number + 1])
        if part.start == part.stop:
            named = np.flatnonzero(self.world.wishes.retry == number)
            share = self._wanted[named]
            return named, share / share.sum()
        return targets[part].astype(np.int64), shares[part] / shares[part].sum()

    def weight(self, query: str) -> float:
        """Return the share of first searches that type this text."""
        starts, _, shares = self._meaning
        number = self.world.text_index[query]
        return float(shares[starts[number] : starts[number + 1]].sum())

    def worth(self, query: str, items: Sequence[str]) -> Floats:
        """Return g of items for a text: expected utility of a search, had the listener looked at the item."""
        targets, share = self.targets(query)
        index = np.array([self.world.index[item] for item in items], dtype=np.int64)
        wanted, shown = targets[:, None], np.broadcast_to(index, (len(targets), len(index)))
        click = attraction(self.world.catalogue, wanted, shown)
        value = self.world.worth.at(shown, satisfaction(self.world.catalogue, wanted, shown))
        return share @ (click * value)

    def consumption(self, query: str, ranking: Sequence[str]) -> float:
        """Return Σ θ_rank · g of a ranking's first ten, expected per search of the text."""
        first = list(ranking)[: len(THETA)]
        return float(THETA[: len(first)] @ self.worth(query, first)) if first else 0.0

    def best_order(self, query: str, candidates: Sequence[str]) -> list[str]:
        """Return the candidates by falling worth: no order of them consumes more."""
        if not candidates:
            return []
        order = np.argsort(-self.worth(query, candidates), kind="stable")
        return [candidates[place] for place in order]


def _by_activity(world: World, day: int) -> Floats:
    """Return P(item wanted | language) scaled so that the languages' shares are those of real activity."""
    from reprise.sandbox.music.names import LANGUAGE_SHARES

    rows = world.wanted(day)
    real = np.bincount(world.listeners.language, world.listeners.activity, len(rows))
    return rows * (real / np.asarray(LANGUAGE_SHARES))[:, None]


def true_consumption(
    world: World, rankings: Mapping[str, Sequence[str]], weights: Mapping[str, float], days: Sequence[int]
) -> float:
    """Return the expected consumption per search of a ranking per text, weighted (by traffic, say)."""
    truth = Truth(world, days)
    total = sum(weights[query] for query in rankings)
    return sum(weights[query] * truth.consumption(query, ranking) for query, ranking in rankings.items()) / total
