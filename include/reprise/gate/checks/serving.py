"""What the candidate costs, and whether the days that it is judged by are sound."""

from __future__ import annotations

from collections.abc import Sequence

from reprise.gate.checks.check import Check


def fits_solr(size: int, words: str, most: int) -> Check:
    """A model larger than Solr may hold is refused before anything is uploaded."""
    return Check(
        "fits_solr",
        "Is it small enough for Solr's model store?",
        "pass" if size <= most else "fail",
        f"{size:,} bytes ({words}), at most {most:,}"
        + ("" if size <= most else "; train fewer or smaller trees, or raise max_model_bytes in solr.yaml"),
        {"bytes": size, "max_model_bytes": most},
        effect=size,
        threshold=most,
    )


def logs_are_sound(wrong: Sequence[str]) -> Check:
    """Days whose logs broke tell nothing of a ranking, good or bad; ``wrong``: what the log check found."""
    return Check(
        "logs_are_sound",
        "Are the logs of these days sound?",
        "inconclusive" if wrong else "pass",
        f"{len(wrong)} findings, as: {wrong[0]}; see logs/health.html"
        if wrong
        else "nothing was found wrong with them",
        {"wrong": list(wrong[:20])},
        effect=len(wrong),
        threshold=0,
    )
