"""Which release is live at the end of a run, whatever became of the run: Solr alone says it, replica by replica."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprise.errors import RepriseError

if TYPE_CHECKING:
    from reprise.solr.client import SolrClient


@dataclass(frozen=True)
class Live:
    """``number``: the release that every replica that answers serves; None where they differ or none answers.

    ``note`` says what is not as it should be: a replica that does not answer, one that serves another release, a
    paramset that no release recorded. Empty where all is well.
    """

    number: int | None
    note: str = ""


def what_is_live(client: SolrClient) -> Live:
    """Return what Solr serves now; a Solr that does not answer is a note, never an error."""
    from reprise.release.record import read_pointer

    numbers: dict[str, int | None] = {}
    notes = []
    for url in client.urls:
        try:
            live = read_pointer(client, url).live
        except RepriseError as error:
            notes.append(error.problem)
            continue
        numbers[url] = live.number if live else None
        if live is None:
            notes.append(f"what is live on {url} is no release that was recorded")
    found = set(numbers.values())
    if len(found) > 1:
        said = ", ".join(f"{_name(number)} on {url}" for url, number in sorted(numbers.items()))
        notes.append(f"the replicas differ: {said}")
    return Live(found.pop() if len(found) == 1 else None, "; ".join(notes))


def in_words(live: int | None, was: int | None, note: str = "") -> str:
    """Return one sentence on what is live at a run's end and what was when it began; empty if no Solr was asked."""
    if live is None:
        return f"what is live is not known: {note}" if note else ""
    before = f" ({_name(was)} was, when the run began)" if was is not None and was != live else ""
    return f"{_name(live)} is live{before}{f'; {note}' if note else ''}"


def _name(number: int | None) -> str:
    return "no recorded release" if number is None else f"release {number}"
