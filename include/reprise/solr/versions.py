"""What the client must know of the Solr versions Reprise serves from: 8.11, 9.x and 10.x.

Where they differ the client does what works on all: it never asks for a store that is not listed (8.11 would make a
phantom, 9.3 answers 400) and never exports a branch for missing values (from 9.2 on only). What is left is here.
Only 8.11.4 is run by this project's tests; the rest is taken from Solr's source and change lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reprise.errors import UsageError

_INDENT = 2  # of the pretty-printed store files up to 9.4


@dataclass(frozen=True)
class Capabilities:
    """What one Solr version does. ``compact_stores``: model files without indentation (SOLR-17050, from 9.5 on)."""

    version: str
    compact_stores: bool

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
    return Capabilities(version=version, compact_stores=numbers >= (9, 5))
