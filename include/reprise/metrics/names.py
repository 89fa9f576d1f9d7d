"""From a metric's canonical name back to the metric: what is written on a command line or in a file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from reprise.errors import UsageError
from reprise.metrics.coverage import Judged
from reprise.metrics.ndcg import Ndcg
from reprise.metrics.ranking import Empty, Metric
from reprise.metrics.relevance import AveragePrecision, Precision, Recall, ReciprocalRank, Success
from reprise.metrics.stopping import Err, Rbp

#: Name without its cutoff → the metric, given cutoff, highest grade and what an empty query counts as.
_WITH_CUTOFF: dict[str, Callable[[int, int, Empty], Metric]] = {
    "ndcg": lambda k, _, empty: Ndcg(k, gain="linear", empty=empty),
    "ndcg_exponential": lambda k, _, empty: Ndcg(k, gain="exponential", empty=empty),
    "err": lambda k, highest, empty: Err(k, max_grade=max(highest, 1), empty=empty),
    "mrr": lambda k, _, empty: ReciprocalRank(k, empty=empty),
    "map": lambda k, _, empty: AveragePrecision(k, empty=empty),
    "success": lambda k, _, empty: Success(k, empty=empty),
    "precision": lambda k, _, empty: Precision(k, empty=empty),
    "recall": lambda k, _, empty: Recall(k, empty=empty),
    "judged": lambda k, _, __: Judged(k),
}
_KNOWN = [*(f"{name}_at_10" for name in _WITH_CUTOFF), "rbp_80"]


def metric_of_grades(name: str, max_grade: int, empty: Empty = "drop") -> Metric:
    """Return the metric of graded judgments by its name: ``ndcg_at_10`` (or ``ndcg@10``), ``rbp_80`` for p = 0.8.

    An unknown name is an error that offers the nearest. ``empty`` does not concern RBP, which needs no ideal.
    """
    plain = name.replace("@", "_at_")
    if found := re.fullmatch(r"([a-z_]+)_at_([1-9]\d*)", plain):
        make = _WITH_CUTOFF.get(found[1])
        if make:
            return make(int(found[2]), max_grade, empty)
    if found := re.fullmatch(r"rbp_(\d+)(?:_(\d+))?", plain):
        return Rbp(float(f"{found[1]}.{found[2] or 0}") / 100, max_grade=max(max_grade, 1))
    near = difflib.get_close_matches(plain, _KNOWN, 1, 0.5)
    hint = f"perhaps {near[0]}; " if near else ""
    raise UsageError(f"there is no metric {name!r}", f"{hint}there are {', '.join(_KNOWN)}, with any cutoff")
