"""What an item nobody has judged counts for. The three answers must agree before a gate believes any of them."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Unjudged = Literal["judged_only", "zero", "prior"]

#: ``judged_only`` decides (unjudged items leave the list, Sakai, SIGIR 2007); the others test how robust it is.
UNJUDGED_POLICIES: tuple[Unjudged, ...] = get_args(Unjudged)


def resolve_unjudged(
    gains: NDArray[np.float64], policy: Unjudged, prior: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which rows stay, and the gains of all rows with NaN (unjudged) replaced as the policy says.

    ``prior`` is the mean gain of judged items; ``judged_only`` drops rows instead of guessing.
    """
    unjudged = np.isnan(gains)
    keep = ~unjudged if policy == "judged_only" else np.ones(len(gains), bool)
    return keep, np.where(unjudged, prior if policy == "prior" else 0.0, gains)
