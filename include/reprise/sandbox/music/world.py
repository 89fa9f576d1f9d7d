"""One simulated world: catalogue, wishes and listeners of a seed; everything else follows from it and the day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from reprise.errors import UsageError
from reprise.sandbox.music.catalogue import Catalogue, Floats, Ints, build_catalogue
from reprise.sandbox.music.config import B_SHARE, SCALES, Scale, Switches, stream
from reprise.sandbox.music.listening import Worth, worth
from reprise.sandbox.music.names import LANGUAGE_SHARES
from reprise.sandbox.music.wishes import Wishes, build_wishes, wanted

SURFACES = ("android", "web", "ios")


@dataclass(frozen=True)
class Listeners:
    """All listeners by index. ``b``: those ranker B answers, by hash; ``optout``: those who opted out of learning."""

    ids: list[str]
    language: Ints
    activity: Floats
    surface: Ints
    b: npt.NDArray[np.bool_]
    optout: npt.NDArray[np.bool_]


@dataclass
class World:
    """A seed, a size and switches, and what they make."""

    seed: int
    scale_name: str
    scale: Scale
    switches: Switches
    catalogue: Catalogue
    wishes: Wishes
    listeners: Listeners
    _wanted: dict[int, Floats] = field(default_factory=dict)

    @classmethod
    def build(cls, seed: int = 7, scale: str = "demo", switches: Switches | None = None) -> World:
        """Return the world of a seed; the same seed, scale and switches make the same world."""
        if scale not in SCALES:
            raise UsageError(f"there is no scale {scale!r}", f"choose one of: {', '.join(SCALES)}")
        catalogue = build_catalogue(seed, SCALES[scale])
        return cls(
            seed=seed,
            scale_name=scale,
            scale=SCALES[scale],
            switches=switches or Switches(),
            catalogue=catalogue,
            wishes=build_wishes(seed, catalogue),
            listeners=_listeners(seed, SCALES[scale].listeners),
        )

    @cached_property
    def worth(self) -> Worth:
        """What a click on each item is worth on average."""
        return worth(self.catalogue)

    @cached_property
    def index(self) -> dict[str, int]:
        """Item id → index."""
        return {key: number for number, key in enumerate(self.catalogue.ids)}

    @cached_property
    def text_index(self) -> dict[str, int]:
        """Text → index among the wishes' texts."""
        return {text: number for number, text in enumerate(self.wishes.texts)}

    def wanted(self, day: int, boost: Floats | None = None) -> Floats:
        """Return P(item wanted | language) on a day; without feedback it depends on nothing but the day."""
        if boost is not None:
            return wanted(self.seed, self.catalogue, self.switches, day, boost)
        week = day // 7
        if week not in self._wanted:
            self._wanted[week] = wanted(self.seed, self.catalogue, self.switches, day)
        return self._wanted[week]


def _listeners(seed: int, count: int) -> Listeners:
    rng = stream(seed, 5)
    ids = [f"u{number:06d}" for number in range(count)]
    activity = rng.lognormal(0, 1.0, count)
    return Listeners(
        ids=ids,
        language=rng.choice(len(LANGUAGE_SHARES), count, p=LANGUAGE_SHARES),
        activity=activity / activity.sum(),
        surface=rng.choice(3, count, p=[0.6, 0.15, 0.25]),
        b=np.array([_bucket(key) < B_SHARE * 100 for key in ids]),
        optout=rng.random(count) < 0.01,
    )


def _bucket(key: str) -> int:
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 100
