"""What listeners want and what they type for it: a finite table of texts by item, and how wanted an item is by day.

What is typed does not depend on the results (nobody here stops typing *because* the item is seen), so the chance
that a text means an item is exact: P(item | text) ∝ P(item wanted) · P(text | item). Listeners of popular items have
learned that fewer letters suffice, which ties short prefixes to popular items as in life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from reprise.sandbox.music.catalogue import Catalogue, Floats, Ints
from reprise.sandbox.music.config import Switches, stream
from reprise.sandbox.music.names import LANGUAGE_SHARES, LANGUAGES, other_spelling, typo

FORMS = 12
OWN_LANGUAGE = 6.0  # how much likelier an item of the listener's language is wanted


@dataclass
class Wishes:
    """Texts, and P(text | item) as a row-padded table; ``retry``: what is typed after a failure (names one item)."""

    texts: list[str]
    of_item: Ints
    share: Floats
    retry: Ints

    def matrix(self) -> sparse.csr_matrix:
        """Return P(text | item) as a sparse matrix, texts by items."""
        rows, columns = self.of_item.ravel(), np.repeat(np.arange(len(self.of_item)), FORMS)
        shape = (len(self.texts), len(self.of_item))
        return sparse.csr_matrix((self.share.ravel(), (rows, columns)), shape=shape)

    def draw(self, rng: np.random.Generator, items: Ints) -> Ints:
        """Return, for each wanted item, a text that is typed for it."""
        edges = np.cumsum(self.share[items], axis=1)
        column = (rng.random((len(items), 1)) * edges[:, -1:] > edges).sum(axis=1)
        return self.of_item[items, column]


def build_wishes(seed: int, catalogue: Catalogue) -> Wishes:
    """Return the texts of all items."""
    rng = stream(seed, 2)
    order = np.argsort(np.argsort(-catalogue.weight)) / len(catalogue.weight)
    index: dict[str, int] = {}
    of_item = np.zeros((len(catalogue.ids), FORMS), dtype=np.int64)
    share = np.zeros((len(catalogue.ids), FORMS))
    retry = np.zeros(len(catalogue.ids), dtype=np.int64)
    for item in range(len(catalogue.ids)):
        forms = _forms(rng, catalogue, item, float(order[item]))
        total = sum(forms.values())
        for column, (text, part) in enumerate(forms.items()):
            of_item[item, column] = index.setdefault(text, len(index))
            share[item, column] = part / total
        retry[item] = index.setdefault(_whole(catalogue, item), len(index))
    return Wishes(list(index), of_item, share, retry)


def _forms(rng: np.random.Generator, catalogue: Catalogue, item: int, rank: float) -> dict[str, float]:
    """Return what is typed for an item, with shares; ``rank``: 0 the most wanted item, 1 the least."""
    latin = catalogue.latin(item)
    words = latin.split()
    forms: dict[str, float] = {}

    def add(text: str, part: float) -> None:
        text = " ".join(text.split())
        forms[text] = forms.get(text, 0.0) + part

    short = 3 if rank < 0.1 else 4 if rank < 0.35 else 5
    add(latin[:short], 0.16)
    add(latin[: short + 2], 0.10)
    add(typo(rng, latin), 0.05)
    if catalogue.entity[item] == 3:
        add(words[0], 0.25)
        add(" ".join(words[:2]), 0.40)
        add(" ".join(words[:3]), 0.10)
        return forms
    add(latin, 0.28)
    add(words[0], 0.18)
    add(other_spelling(latin), 0.06)
    add(catalogue.script(item), 0.10 if catalogue.native[item] else 0.0)
    if catalogue.entity[item] == 0:
        add(" ".join(words[-2:]), 0.05)
        add(f"{latin} {catalogue.words[int(catalogue.artist[item])][0].latin}", 0.10)
    return {text: part for text, part in forms.items() if part > 0}


def _whole(catalogue: Catalogue, item: int) -> str:
    """Return a text that names this item and no other of its kind: title and artist in full."""
    if catalogue.entity[item] in (0, 2):
        return f"{catalogue.latin(item)} {catalogue.latin(int(catalogue.artist[item]))}"
    return catalogue.latin(item)


def wanted(
    seed: int, catalogue: Catalogue, switches: Switches, day: int, boost: npt.NDArray[np.float64] | None = None
) -> Floats:
    """Return P(item wanted | listener's language) on a day, one row per language.

    An item's weight moves with weekly chart shocks and, where switched on, drifts; ``boost`` is the feedback of the
    day before (per item, 0 without).
    """
    week, count = day // 7, len(catalogue.ids)
    log = np.log(catalogue.weight) + stream(seed, 3, week).normal(0, 0.25, count)
    for past in range(1, week + 1):
        log = log + stream(seed, 4, past).normal(0, switches.drift, count)
    weight = np.exp(log) * (1.0 if boost is None else 1.0 + switches.feedback * boost)
    rows = np.where(np.arange(len(LANGUAGES))[:, None] == catalogue.language, OWN_LANGUAGE, 1.0) * weight
    return rows / rows.sum(axis=1, keepdims=True)


def wanted_by_all(rows: Floats) -> Floats:
    """Return P(item wanted) over all listeners, by the shares of their languages."""
    return np.asarray(LANGUAGE_SHARES) @ rows
