"""The simulated music service without servers: a first stage in this process, and its logs in local folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from reprise.sandbox.music import Buckets, Lived, World, simulate
from reprise.settings import Deployment, load_deployment

SMALL = Buckets("music-search-logs-small", "music-play-logs-small")


class PlainFirstStage:
    """Ranks items whose name begins with, or holds, the words typed; shorter names first, B by id instead."""

    def __init__(self, world: World) -> None:
        catalogue = world.catalogue
        self._names: list[tuple[str, str]] = []
        for item, key in enumerate(catalogue.ids):
            artist = int(catalogue.artist[item])
            by = catalogue.latin(artist) if artist >= 0 else ""
            self._names.append((key, f" {catalogue.latin(item)} {catalogue.script(item)} {by}"))
        self._found = lru_cache(None)(self._find)

    def ask(self, text: str, ranker: str) -> Sequence[str]:
        """Return at most ten ids whose words begin with every word typed."""
        found = sorted(self._found(text), key=(lambda one: one[0]) if ranker == "B" else _shortest)
        return [key for key, _ in found[:10]]

    def _find(self, text: str) -> list[tuple[str, str]]:
        words = [f" {word}" for word in text.split()]
        return [(key, name) for key, name in self._names if all(word in name for word in words)]


def _shortest(one: tuple[str, str]) -> tuple[int, str]:
    return len(one[1]), one[0]


class Folders:
    """Buckets as folders under a root: what the simulator needs of S3, so that its logs can be local files."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list_buckets(self) -> dict[str, list[dict[str, str]]]:
        return {"Buckets": [{"Name": path.name} for path in self._root.glob("*")]}

    def create_bucket(self, Bucket: str) -> None:
        (self._root / Bucket).mkdir(parents=True)

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:
        path = self._root / Bucket / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body)


def simulate_locally(root: Path, world: World, stage: PlainFirstStage, days: Sequence[int]) -> Lived:
    """Let a world live for consecutive days, as if it had lived for all before them, and log to folders."""
    truth = root / f"truth-{world.seed}"
    truth.mkdir(parents=True)
    (truth / "state.json").write_text(json.dumps({"days": days[0]}))
    return simulate(world, stage, Folders(root / "logs"), truth, len(days), buckets=SMALL)  # type: ignore[arg-type]


def local_deployment(root: Path) -> Deployment:
    """Return `demo-small` with the logs that ``simulate_locally`` wrote there."""
    text = load_deployment("demo-small").model_dump_json()
    return Deployment.model_validate_json(text.replace("s3://", f"{root}/logs/"))
