"""What is kept of each trial, in the lake: one JSON file, written once; and the rankers that may still be chosen."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from reprise.objects import ObjectStore
from reprise.training.family import Fitted

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """One point of the space. ``values``: objective → value on the queries that choose, none unless complete.

    ``steps``: how far the fit was (see study.py) → the best value until then. ``seed``: of the sampler.
    ``seconds``: of everything, fit and values. ``trees``: 0 for a weighted sum. ``notes``: Optuna's own, as it wants
    them back. ``reason``: why it failed.
    """

    number: int
    state: State
    params: dict[str, Any]
    values: dict[str, float] = field(default_factory=dict)
    steps: dict[int, float] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0
    trees: int = 0
    notes: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    def to_json(self) -> bytes:
        """Return the trial as its file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Trial:
        """Return the trial of a file."""
        fields = json.loads(content)
        fields["steps"] = {int(step): value for step, value in fields["steps"].items()}
        return cls(**fields)


class Trials:
    """All trials of one study, under ``<folder>/trials/``; they are numbered without a gap."""

    def __init__(self, store: ObjectStore, folder: str) -> None:
        self._store, self._folder = store, f"{folder}/trials"

    def read(self) -> list[Trial]:
        """Return what was tried, in order."""
        found: list[Trial] = []
        while trial := self.find(len(found)):
            found.append(trial)
        return found

    def find(self, number: int) -> Trial | None:
        """Return a trial, or None where it was not tried yet."""
        content = self._store.get(self._key(number))
        return Trial.from_json(content) if content else None

    def keep(self, trial: Trial) -> Trial:
        """Write a trial; return what the lake holds of its number, another writer's if that one was first.

        It is read from the file in either case: no trial differs by having been in memory.
        """
        key, content = self._key(trial.number), trial.to_json()
        written = self._store.put_new(key, content)
        return Trial.from_json(content if written else self._store.get(key) or b"")

    def keep_ranker(self, number: int, fitted: Fitted) -> None:
        """Write what a trial learned."""
        fields = asdict(fitted) | {"native": [fitted.native[0], fitted.native[1].decode(errors="surrogateescape")]}
        self._store.put(self._ranker_key(number), json.dumps(fields).encode())

    def ranker(self, number: int) -> Fitted:
        """Return what a trial learned, exactly as it was; only of a trial whose ranker was kept."""
        fields = json.loads(self._store.get(self._ranker_key(number)) or b"")
        name, text = fields["native"]
        return Fitted(**{**fields, "native": (name, text.encode(errors="surrogateescape"))})

    def forget_rankers(self, numbers: Iterable[int]) -> None:
        """Remove what these trials learned; their files stay."""
        self._store.delete(self._ranker_key(number) for number in numbers)

    def _key(self, number: int) -> str:
        return f"{self._folder}/{number:04d}.json"

    def _ranker_key(self, number: int) -> str:
        return f"{self._folder}/{number:04d}.ranker.json"
