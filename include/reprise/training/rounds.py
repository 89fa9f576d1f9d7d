"""Trees that grow while those before them are measured: LightGBM's loop, with our metric aside in a thread.

LightGBM's own way, a metric in Python after every tree and the validation rows scored in between, would leave the
tree that grows waiting for longer than it takes to grow.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reprise.training.data import Rows
from reprise.training.family import Watch

#: Trees that are measured together, and how many such blocks may wait. Growth always runs ahead by so many, never by
#: as many as the machine happens to manage: where it stops does not depend on how busy that is.
_BLOCK, _AHEAD = 5, 1
_ROLES = ("train", "validation")


@dataclass
class Rounds:
    """``curve``: the deciding metric after each round, by role. ``best``: validation's best round, from 1."""

    curve: dict[str, list[float]] = field(default_factory=lambda: {role: [] for role in _ROLES})
    best: int = 1

    def take(self, block: list[tuple[float, ...]], patience: int, watch: Watch | None) -> bool:
        """Add a block's rounds up to the one that ends growth, and return whether there is one.

        It ends once validation has not risen for so many rounds; the training curve has no say.
        """
        validation = self.curve["validation"]
        for values in block:
            for role, value in zip(_ROLES, values, strict=True):
                self.curve[role].append(value)
            if validation[-1] > validation[self.best - 1]:
                self.best = len(validation)
            if watch:
                watch(len(validation), validation[-1])
            if len(validation) - self.best >= patience:
                return True
        return False


def grow(booster: Any, trees: int, patience: int, watched: tuple[Rows, Rows], watch: Watch | None = None) -> Rounds:
    """Grow a booster by up to so many trees and return what was measured of the training and the validation rows.

    A few trees may have grown beyond the last measured round.
    """
    rounds = Rounds()
    scores = [_Scores(rows) for rows in watched]
    waiting: list[Future[list[tuple[float, ...]]]] = []
    with ThreadPoolExecutor(1) as thread:
        try:
            for text in _blocks(booster, trees):
                waiting.append(thread.submit(_measured, text, scores))
                if len(waiting) > _AHEAD and rounds.take(waiting.pop(0).result(), patience, watch):
                    return rounds
            while waiting and not rounds.take(waiting.pop(0).result(), patience, watch):
                pass
        finally:
            thread.shutdown(cancel_futures=True)
    return rounds


def _blocks(booster: Any, trees: int) -> Iterator[str]:
    """Yield the trees, some at a time, as text: a booster that grows cannot be asked by another thread."""
    start, full = 0, False
    while start < trees and not full:
        for _ in range(min(_BLOCK, trees - start)):
            full = full or booster.update()
        grown = booster.current_iteration()
        if grown > start:
            yield booster.model_to_string(start_iteration=start, num_iteration=grown - start)
        start = grown


class _Scores:
    """The scores of some rows after the trees so far."""

    def __init__(self, rows: Rows) -> None:
        self._vectors, self._metric = rows.vectors, rows.repeated()
        self._total = np.zeros(len(rows.codes))

    def after(self, booster: Any) -> Iterator[float]:
        """Yield the deciding metric after each of a block's trees; rows go through all of these at once."""
        leaves = booster.predict(self._vectors, pred_leaf=True, num_threads=1)
        for tree, reached in enumerate(leaves.astype(np.int64).T):
            outputs = [booster.get_leaf_output(tree, leaf) for leaf in range(reached.max() + 1)]
            self._total += np.array(outputs)[reached]
            yield self._metric(self._total)


def _measured(text: str, scores: list[_Scores]) -> list[tuple[float, ...]]:
    import lightgbm

    booster = lightgbm.Booster(model_str=text)
    return list(zip(*(one.after(booster) for one in scores), strict=True))
