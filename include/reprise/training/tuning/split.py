"""Who chooses and who re-scores: the best of many trials looks better than it is to those who chose it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from reprise.settings import Gate
from reprise.settings.tuning import Tuning
from reprise.training.data import Rows, TrainingData, query_codes

if TYPE_CHECKING:
    import pyarrow as pa


def split(data: TrainingData, one_in: int, seed: int) -> tuple[TrainingData, Rows]:
    """Return the data whose validation rows may choose, and the validation rows that were kept from it.

    Queries are sorted by traffic, and of every ``one_in`` in a row one is drawn: both parts have heads and tails.
    """
    kept = kept_back(data.validation.traffic_per_query, one_in, seed)[data.validation.codes]
    return replace(data, validation=data.validation.where(~kept)), data.validation.where(kept)


def choices_made(gate: Gate, families: Sequence[str]) -> bool:
    """Return whether a run looks for anything of a family on validation, beside how many trees are kept."""
    return bool(gate.tuning.trials) or ("blend" in families and gate.blend.share is None)


def kept_groups(table: pa.Table, tuning: Tuning) -> list[str]:
    """Return the validation query groups of a training set that ``split`` keeps from choosing."""
    import pyarrow.compute as pc

    rows = table.filter(pc.equal(table["role"], "validation")).sort_by(
        [("block", "ascending"), ("query_group", "ascending")]
    )
    first = np.flatnonzero(np.diff(query_codes(rows), prepend=-1))
    kept = kept_back(rows["traffic"].to_numpy()[first].astype(float), tuning.report_one_in, tuning.seed)
    return [str(group) for group in rows["query_group"].take(first[kept]).to_pylist()]


def kept_back(traffic: npt.NDArray[np.float64], one_in: int, seed: int) -> npt.NDArray[np.bool_]:
    """Return which queries are kept from choosing."""
    random = np.random.default_rng(seed)
    order = np.argsort(-traffic, kind="stable")
    kept = np.zeros(len(traffic), bool)
    for start in range(0, len(order), one_in):
        alike = order[start : start + one_in]
        drawn = int(random.integers(one_in))  # a last, shorter row gives one less often, not always
        kept[alike[drawn : drawn + 1]] = True
    return kept
