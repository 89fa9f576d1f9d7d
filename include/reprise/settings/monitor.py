"""``gate.yaml``, ``monitor``: what counts as stale or drifted, and who is told."""

from __future__ import annotations

from reprise.settings.base import Strict


class Monitor(Strict):
    """What counts as stale or drifted, and who is told."""
