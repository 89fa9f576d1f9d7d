"""Candidates that are in Solr and wait for a review: noted in the lake, so that nobody's pruning takes them out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from reprise.objects import ObjectStore

WAITS = timedelta(days=14)  # wall time; longer than any review with the age an approval may have


def stage(root: str, core: str, model: str, run: str) -> None:
    """Note that a run's candidate is in this core; ``root`` is above all deployments, which may share a core."""
    note = {"model": model, "run": run, "at": datetime.now(UTC).isoformat()}
    _notes(root, core).put(f"{model}.{_file(run)}.json", json.dumps(note).encode())


def unstage(root: str, core: str, run: str) -> None:
    """Forget what a run staged; of what is not there, nothing is said."""
    notes = _notes(root, core)
    notes.delete([key for key in notes.list() if key.endswith(f".{_file(run)}.json")])


def staged(root: str, core: str) -> set[str]:
    """Return the models that wait in this core, of whatever deployment; after two weeks a note counts no more."""
    notes, now, found = _notes(root, core), datetime.now(UTC), set()
    for key in notes.list():
        content = notes.get(key)
        if content is None:
            continue  # its run has just ended
        note = json.loads(content)
        if now - datetime.fromisoformat(note["at"]) < WAITS:
            found.add(str(note["model"]))
    return found


def _notes(root: str, core: str) -> ObjectStore:
    return ObjectStore(f"{root.rstrip('/')}/staged/solr-{core}")


def _file(run: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in run)
