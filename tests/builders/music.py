"""A first stage in this process for the simulated music service."""

from __future__ import annotations

from collections.abc import Sequence

from reprise.sandbox.music import World


class PlainFirstStage:
    """Ranks items whose name begins with, or holds, the words typed; shorter names first, B by id instead."""

    def __init__(self, world: World) -> None:
        catalogue = world.catalogue
        self._names: list[tuple[str, str]] = []
        for item, key in enumerate(catalogue.ids):
            artist = int(catalogue.artist[item])
            by = catalogue.latin(artist) if artist >= 0 else ""
            self._names.append((key, f" {catalogue.latin(item)} {catalogue.script(item)} {by}"))

    def ask(self, text: str, ranker: str) -> Sequence[str]:
        """Return at most ten ids whose words begin with every word typed."""
        words = [f" {word}" for word in text.split()]
        found = [(key, name) for key, name in self._names if all(word in name for word in words)]
        found.sort(key=(lambda one: one[0]) if ranker == "B" else (lambda one: (len(one[1]), one[0])))
        return [key for key, _ in found[:10]]
