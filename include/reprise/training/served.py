"""Rankers of a run as Solr would ask them: its candidates, and the champion that was live when it was planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from reprise.errors import MissingDataError
from reprise.release.candidate import Candidate
from reprise.solr import score
from reprise.solr.cost import steps_per_document
from reprise.training.data import Vectors, vectors_for
from reprise.training.train import folder

if TYPE_CHECKING:
    import pyarrow as pa

    from reprise.plan import Plan

Scores = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Served:
    """A ranker as Solr would ask it: its model without name and store, and its feature-store entries."""

    model: dict[str, Any]
    features: list[dict[str, Any]]

    def scores(self, rows: pa.Table, columns: Mapping[str, str]) -> Scores:
        """Return Solr's score of each row; ``columns``: entry key → column, as `featurize` recorded them."""
        return score(self.model, *self._vectors(rows, columns))

    def steps(self, rows: pa.Table, columns: Mapping[str, str]) -> float:
        """Return the mean number of steps that scoring one of the rows takes."""
        return steps_per_document(self.model, *self._vectors(rows, columns))

    def _vectors(self, rows: pa.Table, columns: Mapping[str, str]) -> tuple[Vectors, list[str]]:
        used = {str(feature["name"]) for feature in self.model["features"]}
        entries = [entry for entry in self.features if entry["name"] in used]
        return vectors_for(rows, entries, columns), [str(entry["name"]) for entry in entries]


def candidate(plan: Plan, family: str) -> Served:
    """Return a family's candidate; one that was not trained is an error."""
    fields = plan.open_lake().get_json(f"{folder(plan, family)}/candidate.json")
    if fields is None:
        raise MissingDataError(
            f"run {plan.run} has no {family} candidate", f"run `reprise train --family {family}` first"
        )
    found = Candidate.from_dict(fields)
    return Served(found.model_json, found.features)


def champion(plan: Plan) -> Served | None:
    """Return what served when the run was planned; None for release 0, the engine's own order."""
    found = plan.open_lake().get_json(f"runs/{plan.run}/champion.json") or {}
    return Served(found["model"], found["features"]) if found.get("model") else None
