"""The seeded catalogue: songs, artists, albums and playlists, what Solr may know of them and what it may not.

Hidden from every document: how wanted an item is (``weight``), how well it is liked once heard (``appeal``), how
inviting it looks (``charm``). They show in behaviour only. ``popularity`` is an old, noisy echo of ``weight``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.sandbox.music.config import FIRST_DAY, INTENTS, Scale, stream
from reprise.sandbox.music.names import (
    LANGUAGE_NAMES,
    LANGUAGE_SHARES,
    LANGUAGES,
    MOODS,
    Word,
    other_spelling,
    vocabulary,
)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
ENTITIES = ("song", "artist", "album", "playlist")


@dataclass
class Catalogue:
    """All items by index; arrays run over items, −1 means none.

    ``artist``, ``album``: index of that item (an artist's own is itself). ``work``: equal for versions of one song.
    """

    ids: list[str]
    entity: Ints
    words: list[list[Word]]
    native: npt.NDArray[np.bool_]
    language: Ints
    artist: Ints
    album: Ints
    work: Ints
    mood: Ints
    duration_s: Floats
    age_days: Floats
    weight: Floats
    appeal: Floats
    charm: Floats
    popularity: Floats
    children: list[Ints]

    def latin(self, item: int) -> str:
        """Return an item's name in Latin letters."""
        return " ".join(word.latin for word in self.words[item])

    def script(self, item: int) -> str:
        """Return an item's name in its own script."""
        return " ".join(word.script for word in self.words[item])

    def shown_name(self, item: int) -> str:
        """Return an item's name as the catalogue shows it."""
        return self.script(item) if self.native[item] else self.latin(item).title()

    def documents(self) -> list[dict[str, Any]]:
        """Return the Solr documents, without any hidden quality."""
        return [self._document(item) for item in range(len(self.ids))]

    def _document(self, item: int) -> dict[str, Any]:
        released = FIRST_DAY - timedelta(days=int(self.age_days[item]))
        latin = self.latin(item)
        names = {latin, other_spelling(latin)} - {self.shown_name(item).lower()}
        if self.entity[item] in (0, 2) and self.native[self.artist[item]]:
            names.add(self.latin(int(self.artist[item])))
        document: dict[str, Any] = {
            "id": self.ids[item],
            "entity": ENTITIES[self.entity[item]],
            "title": self.shown_name(item),
            "alt_names": sorted(names),
            "language": LANGUAGES[self.language[item]],
            "market": "IN",
            "released_at": f"{released.isoformat()}T00:00:00Z",
            "popularity": round(float(self.popularity[item]), 3),
        }
        if self.entity[item] in (0, 2):
            document["artist"] = self.shown_name(int(self.artist[item]))
        if self.entity[item] == 0:
            document["duration_s"] = int(self.duration_s[item])
            if self.album[item] >= 0:
                document["album"] = self.shown_name(int(self.album[item]))
        return document


def build_catalogue(seed: int, scale: Scale) -> Catalogue:
    """Return the catalogue of a seed and a size; the same for the same two."""
    rng = stream(seed, 1)
    sizes = (scale.songs, scale.artists, scale.albums, scale.playlists)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    total = int(starts[-1])
    entity = np.repeat(np.arange(4), sizes)
    ids = [f"{ENTITIES[e]}:{n + 1}" for e, size in enumerate(sizes) for n in range(size)]
    who = _who(rng, sizes, starts)
    language, artist, album, mood = who
    words, work = _name_all(rng, scale, entity, who)
    weight = _weights(rng, sizes)
    age = np.minimum(np.floor(rng.exponential(900, total)) + 2, 9000)
    popularity = np.exp(0.25 * np.log(weight / weight.mean()) + rng.normal(0, 1.2, total))
    children = [np.flatnonzero((artist == i) & (entity == 0)) for i in range(starts[1], starts[2])]
    children += [np.flatnonzero(album == i) for i in range(starts[2], starts[3])]
    children += [_playlist(rng, i, who, entity, weight) for i in range(starts[3], starts[4])]
    songs = [np.array([i]) for i in range(scale.songs)]
    return Catalogue(
        ids=ids,
        entity=entity,
        words=words,
        native=(rng.random(total) < 0.4) & (language != LANGUAGES.index("en")) & (entity != 3),
        language=language,
        artist=artist,
        album=album,
        work=work,
        mood=mood,
        duration_s=np.where(entity == 0, np.clip(np.round(rng.lognormal(np.log(215), 0.25, total)), 75, 480), 0.0),
        age_days=age,
        weight=weight * (0.25 + np.exp(-age / 500)),
        appeal=rng.beta(2.2, 1.6, total),
        charm=rng.uniform(0.75, 1.05, total),
        popularity=np.round(100 * popularity / popularity.max(), 3),
        children=songs + [c if len(c) else np.array([0]) for c in children],
    )


def _who(rng: np.random.Generator, sizes: tuple[int, ...], starts: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Return language, artist, album and mood of every item; a song has its artist's language."""
    total = int(starts[-1])
    language = rng.choice(len(LANGUAGES), total, p=LANGUAGE_SHARES)
    artist = np.full(total, -1)
    album = np.full(total, -1)
    mood = rng.integers(0, len(MOODS), total)
    share = 1.0 / np.arange(1, sizes[1] + 1) ** 0.7
    artist[starts[1] : starts[2]] = np.arange(starts[1], starts[2])
    for start, end in ((starts[0], starts[1]), (starts[2], starts[3])):
        artist[start:end] = starts[1] + rng.choice(sizes[1], end - start, p=share / share.sum())
        language[start:end] = language[artist[start:end]]
    for song in range(starts[1]):
        own = starts[2] + np.flatnonzero(artist[starts[2] : starts[3]] == artist[song])
        album[song] = rng.choice(own) if len(own) and rng.random() < 0.7 else -1
    return language, artist, album, mood


def _weights(rng: np.random.Generator, sizes: tuple[int, ...]) -> Floats:
    """Return how wanted each item is: Zipf within its entity, entities by the mix of intents; sums to 1."""
    parts = []
    for name, size in zip(ENTITIES, sizes, strict=True):
        zipf = 1.0 / rng.permutation(np.arange(1, size + 1)).astype(float) ** 1.0
        parts.append(INTENTS[name] * zipf / zipf.sum())
    return np.concatenate(parts)


def _name_all(
    rng: np.random.Generator, scale: Scale, entity: Ints, who: tuple[Ints, Ints, Ints, Ints]
) -> tuple[list[list[Word]], Ints]:
    """Return every item's words, and the work it is a version of; no two items of one artist share a name."""
    language, artist, _, mood = who
    vocabularies = [vocabulary(rng, code, scale.words) for code in LANGUAGES]
    people = [vocabulary(rng, code, max(40, scale.words // 3)) for code in LANGUAGES]
    share: Floats = 1.0 / np.arange(1, scale.words + 1, dtype=np.float64) ** 0.7
    share = share / share.sum()
    taken: set[tuple[Any, ...]] = set()
    words: list[list[Word]] = []
    work = np.arange(len(entity))
    for item in range(len(entity)):
        code = int(language[item])
        while True:
            version_of = -1
            if entity[item] == 3:
                name = _playlist_name(rng, code, int(mood[item]), vocabularies[code])
            elif entity[item] == 1:
                name = [people[code][i] for i in rng.choice(len(people[code]), 2, replace=False)]
            else:
                name, version_of = _title(rng, vocabularies[code], share, words[: scale.songs], language, item)
            key = (int(entity[item]), int(artist[item]) if entity[item] != 1 else -1, *(w.latin for w in name))
            if key not in taken:
                break
        taken.add(key)
        words.append(name)
        if version_of >= 0:
            work[item] = work[version_of]
    return words, work


def _title(
    rng: np.random.Generator, vocabulary: list[Word], share: Floats, songs: list[list[Word]], language: Ints, item: int
) -> tuple[list[Word], int]:
    """Return a title of one to three words; about one in seven is a song's of the same language."""
    if rng.random() < 0.15:
        same = np.flatnonzero(language[: len(songs)] == language[item])
        if len(same):
            other = int(rng.choice(same))
            return songs[other], other
    length = int(rng.choice([1, 2, 3], p=[0.2, 0.45, 0.35]))
    return [vocabulary[i] for i in rng.choice(len(vocabulary), length, replace=False, p=share)], -1


def _playlist_name(rng: np.random.Generator, code: int, mood: int, vocabulary: list[Word]) -> list[Word]:
    """Return a name such as "sad hindi hits", with a word of its own so that names differ."""
    own = vocabulary[int(rng.integers(len(vocabulary)))].latin
    texts = (MOODS[mood], LANGUAGE_NAMES[LANGUAGES[code]], str(rng.choice(["hits", "mix", "songs"])), own)
    return [Word(text, text) for text in texts]


def _playlist(
    rng: np.random.Generator, item: int, who: tuple[Ints, Ints, Ints, Ints], entity: Ints, weight: Floats
) -> Ints:
    """Return a playlist's songs: of its language, its mood preferred, popular ones more often."""
    language, _, _, mood = who
    songs = np.flatnonzero((entity == 0) & (language == language[item]))
    if not len(songs):
        return songs
    share = weight[songs] * np.where(mood[songs] == mood[item], 8.0, 1.0)
    return rng.choice(songs, min(25, len(songs)), replace=False, p=share / share.sum())
