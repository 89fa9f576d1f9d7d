"""The one table of how Solr 8.11, 9.x and 10.x differ, where it touches Reprise.

Where they differ the client does what works on all: it never asks for a store that is not listed (8.11 would make a
phantom, 9.3 answers 400), never exports a branch for missing values (from 9.2 on only), and never relies on Solr to
cut reranking short. Only 8.11.4 is run by this project's tests; the rest is from Solr's source and change lists.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reprise.errors import UsageError

_INDENT = 2  # of the pretty-printed store files up to 9.4


@dataclass(frozen=True)
class Line:
    """What all versions of one line share.

    ``config_edit_switch``: the system property that forbids writing request parameters, without which nothing is
    promoted. ``feature_cache_by_name``: whether the logging transformer names a cache of solrconfig.xml (8, 9: it
    must; 10: the core does not load if it does). Solr 10's own ``featureVectorCache`` is left out on purpose: its
    key is a 32-bit hash without the query, so another query's values may come back.
    """

    lucene_match_version: str
    enabling: str
    feature_cache_by_name: bool
    config_edit_switch: str


LINES: Mapping[str, Line] = {
    "8.11": Line("8.11.4", " on the class path", True, "-Ddisable.configEdit=true"),
    "9": Line("9.10", "; the server needs SOLR_MODULES=ltr", True, "-Ddisable.configEdit=true"),
    "10": Line(
        "10.0",
        "; the server needs SOLR_MODULES=ltr (not the slim image)",
        False,
        "-Dsolr.api.config.edit.enabled=false",
    ),
}

#: What came with a version in the middle of a line: the first that does it.
SINCE: Mapping[str, tuple[int, int]] = {
    "null_branches": (9, 2),  # SOLR-16596: trees say where a missing value goes; before, such keys are refused
    "refuses_missing_stores": (9, 3),  # SOLR-15493: before, to ask for a store that is not there makes an empty one
    "compact_stores": (9, 5),  # SOLR-17050: before, model files are indented, and nearly twice as large
    "reverts_late_reranking": (9, 6),  # SOLR-17018: timeAllowed ends reranking too, and the answer is partialResults
}


@dataclass(frozen=True)
class Capabilities:
    """What one Solr version does; the names are those of ``SINCE``."""

    version: str
    line: Line
    null_branches: bool
    refuses_missing_stores: bool
    compact_stores: bool
    reverts_late_reranking: bool

    @property
    def indent(self) -> int | None:
        """Indentation of the model store's file, which counts towards its size; None where compact."""
        return None if self.compact_stores else _INDENT


def capabilities(version: str) -> Capabilities:
    """Return what a Solr version does, from its ``solr-spec-version`` such as ``9.10.1``; before 8.11: UsageError."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        raise UsageError(f"{version!r} is no Solr version", "is this a Solr address?")
    numbers = (int(match[1]), int(match[2]))
    if numbers < (8, 11):
        raise UsageError(f"Solr {version!r} is older than 8.11", "serve from Solr 8.11, 9.x or 10.x")
    line = LINES["8.11" if numbers[0] == 8 else "9" if numbers[0] == 9 else "10"]
    return Capabilities(version, line, **{name: numbers >= first for name, first in SINCE.items()})
