"""Normalised discounted cumulative gain over all queries at once.

Libraries disagree on gain, ties and queries without a relevant item, and the last alone can move the same model
by 0.3; here each is stated:

- gain: ``linear`` (Järvelin & Kekäläinen, TOIS 2002), of expected consumption g in 0..1 or of a grade; or
  ``exponential``, 2^g − 1 of a grade (Burges et al., ICML 2005);
- discount: ``log2``, 1 / log2(position + 1), or ``examination``, the measured θ of the position, which makes the
  numerator the expected consumption per search under the position-based model;
- ties: the expectation over all orders of the tied items, as for every metric here;
- nothing relevant, or nothing there: NaN, unless ``empty`` says otherwise. Such queries are left out of means, and
  their share is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from reprise.errors import UsageError
from reprise.metrics.ranking import Codes, Empty, Flags, Floats, best, cut, per_row, rank, settled

Discount = Literal["log2", "examination"]
Gain = Literal["consumption", "linear", "exponential"]
_NAMES: dict[Gain, str] = {"consumption": "consumption_ndcg", "linear": "ndcg", "exponential": "ndcg_exponential"}


@dataclass(frozen=True)
class Ndcg:
    """DCG@k / ideal DCG@k; ``theta`` belongs to the examination discount and to no other.

    ``gain``: ``consumption`` and ``linear`` are the same sum, of g in 0..1 or of grades, under a name each.
    """

    cutoff: int = 10
    discount: Discount = "log2"
    theta: tuple[float, ...] = ()
    gain: Gain = "consumption"
    empty: Empty = "drop"

    def __post_init__(self) -> None:
        cut(self.cutoff)
        if self.discount == "log2" and self.theta:
            raise UsageError("a log2 discount takes no theta", "leave theta out, or use the examination discount")
        if self.discount == "examination" and len(self.theta) < self.cutoff:
            raise UsageError(
                f"theta covers {len(self.theta)} positions of {self.cutoff}", "give one theta per position"
            )

    @property
    def name(self) -> str:
        """The canonical name, safe for MLflow: ``consumption_ndcg_at_10``."""
        kind = "" if self.discount == "log2" else f"_{self.discount}"
        return f"{_NAMES[self.gain]}{kind}_at_{self.cutoff}"

    def discounts(self) -> Floats:
        """Return the weight of positions 1..cutoff."""
        if self.discount == "examination":
            return np.asarray(self.theta[: self.cutoff], dtype=np.float64)
        return 1.0 / np.log2(np.arange(2, self.cutoff + 2, dtype=np.float64))

    def per_query(
        self, queries: Codes, scores: Floats, gains: Floats, n_queries: int, relevant: Flags | None = None
    ) -> Floats:
        """Return one value in 0..1 for each query code 0..n_queries-1; NaN where nothing is relevant.

        One row per candidate item. ``relevant`` says which rows make a query count, by default those with a
        positive gain; a caller whose gains are shrunk towards a prior passes the items really consumed, since
        shrinkage leaves no gain at zero.
        """
        queries, scores, gains = per_row(queries, scores, gains, n_queries)
        ideal = self.ideal(queries, gains, n_queries, relevant)
        return self.normalised(
            rank(queries, scores, n_queries, self.cutoff).sums(self.gains(gains), self.discounts()), ideal
        )

    def gains(self, gains: Floats) -> Floats:
        """Return what each row adds before its discount."""
        return np.exp2(gains) - 1.0 if self.gain == "exponential" else gains

    def ideal(self, queries: Codes, gains: Floats, n_queries: int, relevant: Flags | None = None) -> Floats:
        """Return each query's best sum, NaN where the query does not count; arguments as those of ``per_query``."""
        relevant = gains > 0 if relevant is None else np.asarray(relevant, bool)
        # Summed place by place, as the actual order is: the best order's value is then 1 and not a rounding beside it.
        firsts = best(queries, self.gains(gains), n_queries, self.cutoff)
        summed = np.cumsum(firsts * self.discounts(), axis=1)[:, -1]
        counts = (np.bincount(queries, weights=relevant, minlength=n_queries) > 0) & (summed > 0)
        return np.where(counts, summed, np.nan)

    def normalised(self, actual: Floats, ideal: Floats) -> Floats:
        """Return the sums of an order as shares of the best; queries that do not count as ``empty`` says."""
        return settled(actual / ideal, ~np.isnan(ideal), self.empty)


def consumption_ndcg(cutoff: int = 10) -> Ndcg:
    """Return the deciding metric: gain is expected consumption, discount log2."""
    return Ndcg(cutoff)
