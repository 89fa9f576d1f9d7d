"""``gate.yaml``, ``golden``: how strictly golden queries are held."""

from __future__ import annotations

from reprise.settings.base import Strict


class Golden(Strict):
    """How strictly golden queries are held, and which queries are proposed as golden."""
