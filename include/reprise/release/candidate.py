"""A trained ranker as it would be served: model, features and the way it is asked. Named by its content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import date
from typing import Any

from reprise.errors import UsageError
from reprise.settings import digest_of
from reprise.solr.score import check_model, feature_names

PREFIX = "reprise_"  # of every store and model Reprise puts in Solr; it never touches any other
_EFI = re.compile(r"\$\{([^}:]+)\}")  # an efi without a default, in a feature's parameters
_FAMILY = re.compile(r"[a-z][a-z0-9]*")
_REFERENCE = re.compile(r"\$?[A-Za-z0-9_.]+")


@dataclass(frozen=True)
class Candidate:
    """What training made and the gate compared; nothing is fitted or changed afterwards.

    ``model_json``: Solr's model without ``name`` and ``store``. ``features``: feature-store entries without
    ``store``. ``rq_efi``: efi name → value or reference (``{"q": "$q"}``; user text only by reference).
    ``trained_until``: the last day any label or tuning used, ISO. ``parameters``: the request parameters that
    ``rq_efi`` refers to beside the text: how the application computes each, and what Solr reads where
    it is not sent.
    """

    family: str
    model_json: dict[str, Any]
    features: list[dict[str, Any]]
    rq_efi: dict[str, str]
    rerank_docs: int
    behaviour_fields: list[str]
    mlflow_run_id: str
    trained_until: str
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if mistakes := _mistakes(self):
            raise UsageError(f"the {self.family!r} candidate cannot be served: {'; '.join(mistakes)}", "train it anew")
        check_model(self.model_json)

    @property
    def sha(self) -> str:
        """Digest of everything that is served: two candidates with the same one answer the same."""
        served = [self.family, self.model_json, _by_name(self.features), self.rq_efi, self.rerank_docs]
        own = [self.parameters] if self.parameters else []
        return digest_of([*served, sorted(self.behaviour_fields), *own], 64)

    @property
    def store(self) -> str:
        """The feature store's name, from the features alone; a name always holds the same features."""
        return named_store(self.features)

    @property
    def model(self) -> str:
        """The model's name in Solr, from model and features."""
        return named_model(self.family, self.model_json, self.features)

    @property
    def rq(self) -> str:
        """The rerank query; user text enters by reference, so that no text can break or alter it."""
        passed = "".join(f" efi.{name}={value}" for name, value in sorted(self.rq_efi.items()))
        return f"{{!ltr model={self.model} reRankDocs={self.rerank_docs}{passed}}}"

    def solr_model(self) -> dict[str, Any]:
        """Return the model as Solr takes it."""
        return {**self.model_json, "name": self.model, "store": self.store}

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready copy."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Candidate:
        """Return the candidate that ``to_dict`` wrote; missing and unknown keys are listed in a UsageError."""
        known = {entry.name for entry in dataclass_fields(cls)}
        if known != set(fields):
            raise UsageError(
                f"a candidate lacks {sorted(known - set(fields))} and has the unknown {sorted(set(fields) - known)}",
                "train it anew with this version",
            )
        return cls(**fields)


def named_store(features: list[dict[str, Any]]) -> str:
    """Return the name of a store that holds these features, in whatever order."""
    return f"{PREFIX}{digest_of(_by_name(features))}"


def named_model(family: str, model_json: dict[str, Any], features: list[dict[str, Any]]) -> str:
    """Return the name of a model over these features."""
    return f"{PREFIX}{family}_{digest_of([model_json, _by_name(features)])}"


def _by_name(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(features, key=lambda feature: str(feature.get("name")))


def _mistakes(candidate: Candidate) -> list[str]:
    """Return what Solr would accept, or refuse too late, and what would fail or mislead at query time."""
    names = [str(feature.get("name")) for feature in candidate.features]
    wanted = {name for feature in candidate.features for name in _EFI.findall(json.dumps(feature.get("params", {})))}
    referred = {to.removeprefix("$") for to in candidate.rq_efi.values() if to.startswith("$")} - {"q"}
    fields = {str(feature.get("params", {}).get("field")) for feature in candidate.features}
    checks = {
        "its family must be one lower-case word": not _FAMILY.fullmatch(candidate.family),
        "its features are empty or repeated": not names or len(names) != len(set(names)),
        "a feature names a store": any("store" in feature for feature in candidate.features),
        "a feature has no class": any("class" not in feature for feature in candidate.features),
        f"no feature is defined for {sorted(set(feature_names(candidate.model_json)) - set(names))}": bool(
            set(feature_names(candidate.model_json)) - set(names)
        ),
        f"the features need the efi {sorted(wanted - set(candidate.rq_efi))}": bool(wanted - set(candidate.rq_efi)),
        f"nothing says what {sorted(referred - set(candidate.parameters))} are": bool(
            referred - set(candidate.parameters)
        ),
        "an efi is neither a word nor a reference such as $q": not all(
            map(_REFERENCE.fullmatch, candidate.rq_efi.values())
        ),
        f"no feature reads {sorted(set(candidate.behaviour_fields) - fields)}": bool(
            set(candidate.behaviour_fields) - fields
        ),
        "rerank_docs is below 1": candidate.rerank_docs < 1,
        f"trained_until {candidate.trained_until!r} is no ISO day": not _is_day(candidate.trained_until),
    }
    return [mistake for mistake, found in checks.items() if found]


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
