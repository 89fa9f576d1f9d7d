"""What differs between the Solr versions Reprise serves from: 8.11, 9.x and 10.x.

Only 8.11.4 is run by this project's tests; the rows for 9 and 10 are taken from Solr's source and change lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reprise.errors import UsageError

ZOOKEEPER_BYTES = 1_048_575  # ZooKeeper's default jute.maxbuffer; larger writes are lost without an error
_INDENT = 2  # of the pretty-printed store files up to 9.4


@dataclass(frozen=True)
class Capabilities:
    """What one Solr version does. ``compact_stores``: model files without indentation (SOLR-17050).

    ``unknown_store_is_error``: GET of a store that does not exist answers 400; before 9.3 it answers an empty list
    and leaves a phantom store in memory (SOLR-15493). ``missing_branches``: trees may route NaN (SOLR-16596).
    ``transformer_needs_cache``: ``[features]`` must name a ``fvCacheName``; from 10 on it must not.
    """

    version: str
    compact_stores: bool
    unknown_store_is_error: bool
    missing_branches: bool
    transformer_needs_cache: bool
    modules_property: bool

    @property
    def indent(self) -> int | None:
        """Indentation of the model store's file, which counts towards ZooKeeper's limit; None where compact."""
        return None if self.compact_stores else _INDENT


def capabilities(version: str) -> Capabilities:
    """Return what a Solr version does, from its ``solr-spec-version`` such as ``9.10.1``; before 8.11: UsageError."""
    match = re.match(r"(\d+)\.(\d+)", version)
    numbers = (int(match[1]), int(match[2])) if match else (0, 0)
    if numbers < (8, 11):
        raise UsageError(f"Solr {version!r} is older than 8.11", "serve from Solr 8.11, 9.x or 10.x")
    return Capabilities(
        version=version,
        compact_stores=numbers >= (9, 5),
        unknown_store_is_error=numbers >= (9, 3),
        missing_branches=numbers >= (9, 2),
        transformer_needs_cache=numbers < (10, 0),
        modules_property=numbers >= (9, 0),
    )
