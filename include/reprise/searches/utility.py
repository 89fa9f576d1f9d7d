"""What a listener got from an item found by search: between 0 and 1, from seconds listened.

With track length D (seconds), t = min(listen_s, D/2) and e = min(D, joy_cap_s), l seconds listened are worth

    satisfied + (1 - satisfied) · min(1, (l - t) / max(e - t, 1))     if l ≥ t
    sampled                                                         if l ≥ bounce_s
    0                                                               else

Half of a short track counts as listened; beyond the cap a forgotten player is no more joy. Where D is unknown
the constants stand alone. Unknown seconds are unknown utility, never zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprise.settings import Utility

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pyspark.sql import Column

#: Utilities are summed as whole numbers of this fraction of one: almost a billion ones fit into 64 bits.
UNITS = 1e10


def of_play(seconds: Column, duration: Column, constants: Utility) -> Column:
    """Return the utility of one play, null where the seconds are."""
    from pyspark.sql import functions as F

    listened, end = _listened(duration, constants), _end(duration, constants)
    share = F.least(F.lit(1.0), (seconds - listened) / F.greatest(end - listened, F.lit(1.0)))
    satisfied = F.lit(constants.satisfied) + F.lit(1 - constants.satisfied) * share
    return (
        F.when(seconds.isNull(), None)
        .when(seconds >= listened, satisfied)
        .when(seconds >= constants.bounce_s, constants.sampled)
        .otherwise(0.0)
    )


def is_listened(seconds: Column, duration: Column, constants: Utility) -> Column:
    """Return whether a play lasted for min(listen_s, D/2): a success."""
    from pyspark.sql import functions as F

    return F.coalesce(seconds >= _listened(duration, constants), F.lit(False))


def total(amount: Column) -> Column:
    """Return the sum of utilities (or parts of them), which does not depend on the order they are added in.

    Floats do: 0.1 + 0.1 + 0.1 + 0.7 is 1 and 0.7 + 0.1 + 0.1 + 0.1 is less, and rows come in any order.
    """
    from pyspark.sql import functions as F

    return F.sum(F.rint(amount * UNITS).cast("long")) / UNITS


def is_whole(summed: Column) -> Column:
    """Return whether utilities sum to 1, which more cannot exceed; three thirds do, in whole units or in floats."""
    return summed > 1 - 1e-9


def of_plays(seconds: NDArray[np.float64], duration: NDArray[np.float64], constants: Utility) -> NDArray[np.float64]:
    """Return the same utility for arrays; NaN is unknown."""
    import numpy as np

    listened = np.fmin(constants.listen_s, duration / 2)
    end = np.fmin(duration, constants.joy_cap_s)
    share = np.minimum(1.0, (seconds - listened) / np.maximum(end - listened, 1.0))
    satisfied = constants.satisfied + (1 - constants.satisfied) * share
    short = np.where(seconds >= constants.bounce_s, constants.sampled, 0.0)
    return np.where(np.isnan(seconds), np.nan, np.where(seconds >= listened, satisfied, short))


def _listened(duration: Column, constants: Utility) -> Column:
    from pyspark.sql import functions as F

    return F.least(F.lit(constants.listen_s), duration / 2)  # least() passes nulls over


def _end(duration: Column, constants: Utility) -> Column:
    from pyspark.sql import functions as F

    return F.least(duration, F.lit(constants.joy_cap_s))
