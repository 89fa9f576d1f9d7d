"""Who answers the searches: the real Solr, as the application asks it. Lists are asked once and kept."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from reprise.sandbox.music.catalogue import Ints
from reprise.sandbox.music.config import ROWS
from reprise.sandbox.music.world import World
from reprise.solr.client import SolrClient

B_WEIGHTS = {
    "qf": "title^1.5 artist^4 alt_names^3 album^2 title_prefix^2 names_prefix",
    "tie": "0.4",
    "bf": "log(sum(popularity,1))^4",
}


class FirstStage(Protocol):
    """Anything that returns the ids of the first results of a text, by ranker ``"live"`` or ``"B"``."""

    def ask(self, text: str, ranker: str) -> Sequence[str]:
        """Return at most ten ids, best first."""


class SolrFirstStage:
    """Ranker live: the request as the application sends it, with the live paramset. B: other weights, no model.

    ``moment`` (milliseconds since 1970) is what Solr is to take for now, since the listeners' days are not ours.
    """

    def __init__(self, client: SolrClient, handler: str = "/search", moment: int | None = None) -> None:
        self._client, self._handler = client, handler
        self._now = {} if moment is None else {"NOW": moment}

    def ask(self, text: str, ranker: str) -> list[str]:
        """Return the ids that Solr answers."""
        params: dict[str, str | int] = {"q": text, "rows": ROWS, "fl": "id", **self._now, **sent_along(text)}
        params |= B_WEIGHTS if ranker == "B" else {"useParams": "reprise_live"}
        found = self._client.select(params, self._handler).body["response"]["docs"]
        return [str(document["id"]) for document in found]


def sent_along(text: str) -> dict[str, int]:
    """Return what the application sends of a text for the features of *query* kind."""
    words = unicodedata.normalize("NFKC", text).casefold().split()
    return {"reprise.query_words": len(words), "reprise.query_last_word": len(words[-1]) if words else 0}


class Shelf:
    """The lists already asked for: one request per text and ranker while Solr stays as it is."""

    def __init__(self, world: World, stage: FirstStage, threads: int = 4) -> None:
        self._world, self._stage, self._threads = world, stage, threads
        self._lists: dict[tuple[str, str], Ints] = {}

    @property
    def requests(self) -> int:
        """How many lists were asked for."""
        return len(self._lists)

    def fill(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Ask for the lists that are not here yet, several at once."""
        missing = sorted(set(wanted) - self._lists.keys())
        with ThreadPoolExecutor(self._threads) as pool:
            answers = pool.map(lambda key: self._stage.ask(*key), missing, chunksize=1)
            for key, ids in zip(missing, answers, strict=True):
                row = np.full(ROWS, -1)
                row[: len(ids)] = [self._world.index[one] for one in ids[:ROWS]]
                self._lists[key] = row

    def rows(self, keys: Sequence[tuple[str, str]]) -> Ints:
        """Return the lists of (text, ranker) as item indices, −1 where a list is shorter than ten."""
        self.fill(keys)
        if not keys:
            return np.zeros((0, ROWS), dtype=np.int64)
        return np.stack([self._lists[key] for key in keys])
