"""A deployment: its four files, resolved against defaults and ``extends:``; all mistakes are reported at once."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from reprise.errors import DeploymentError, UsageError
from reprise.settings.base import Strict
from reprise.settings.emr import Emr
from reprise.settings.gate import Gate
from reprise.settings.logs import Logs
from reprise.settings.solr import Solr
from reprise.settings.sources import Source

FILES = ("logs", "solr", "gate", "emr")


class Deployment(Strict):
    """One music service (or any catalogue): four files, resolved against defaults and ``extends:``."""

    name: str
    logs: Logs
    solr: Solr
    gate: Gate = Gate()
    emr: Emr = Emr()

    @property
    def digest(self) -> str:
        """First 12 hex digits over everything resolved: two equal digests mean equal settings."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(value: Any, length: int = 12) -> str:
    """Return the first hex digits of the SHA-256 of a value's canonical JSON."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:length]


def deployments_folder() -> Path:
    """Return where deployments live: ``REPRISE_DEPLOYMENTS``, else ``include/deployments`` beside the package."""
    return Path(os.environ.get("REPRISE_DEPLOYMENTS") or Path(__file__).parents[2] / "deployments")


def list_deployments() -> list[str]:
    """Return the names of all deployments, sorted; a folder with a logs.yaml is one."""
    return sorted(path.parent.name for path in deployments_folder().glob("*/logs.yaml"))


def load_deployment(name: str) -> Deployment:
    """Return a deployment by name or folder; all mistakes of all its files are raised at once."""
    raw, mistakes = _merged(name, ())
    try:
        deployment = Deployment.model_validate({"name": Path(name).name, **raw})
    except ValidationError as error:
        mistakes += [_mistake(raw, dict(entry)) for entry in error.errors()] + _sources_alone(raw)
        raise DeploymentError(name, mistakes) from None
    mistakes += _cross_checks(deployment)
    if mistakes:
        raise DeploymentError(name, mistakes)
    return deployment


def _folder(name: str) -> Path:
    path = Path(name)
    folder = path if path.is_dir() else deployments_folder() / name
    if not folder.is_dir():
        raise UsageError(f"there is no deployment {name!r}", f"choose one of: {', '.join(list_deployments())}")
    return folder


def _merged(name: str, seen: tuple[str, ...]) -> tuple[dict[str, Any], list[str]]:
    if name in seen:
        raise DeploymentError(name, [f"extends: goes in a circle: {' → '.join((*seen, name))}"])
    folder, mistakes, merged = _folder(name), [], {}
    parents: set[str] = set()
    for file in FILES:
        path = folder / f"{file}.yaml"
        if not path.exists():
            continue
        try:
            content = yaml.safe_load(os.path.expandvars(path.read_text(encoding="utf-8"))) or {}
        except yaml.YAMLError as error:
            mistakes.append(f"{path.name}: not YAML: {' '.join(str(error).split())}")
            continue
        if not isinstance(content, dict):
            mistakes.append(f"{path.name}: must be a mapping of keys to values")
            continue
        if parent := content.pop("extends", None):
            parents.add(str(parent))
        merged[file] = content
    if len(parents) > 1:
        mistakes.append(f"extends: names more than one deployment: {', '.join(sorted(parents))}")
    for parent in parents:
        base, base_mistakes = _merged(parent, (*seen, name))
        merged, mistakes = _overlay(base, merged), mistakes + base_mistakes
    return merged, mistakes


def _overlay(base: Any, over: Any) -> Any:
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: _overlay(base.get(key), value) for key, value in over.items()}}
    if _named(base) and _named(over):
        entries = {entry["name"]: entry for entry in base}
        return list((entries | {e["name"]: _overlay(entries.get(e["name"]), e) for e in over}).values())
    return over


def _named(value: Any) -> bool:
    """Sources and features: lists whose entries have names, by which a child changes one or adds one."""
    return isinstance(value, list) and all(isinstance(entry, dict) and "name" in entry for entry in value)


def _mistake(raw: dict[str, Any], error: dict[str, Any]) -> str:
    file, *key = [str(part) for part in error["loc"]]
    if key[:1] == ["sources"] and len(key) > 1:  # by name, as a person finds it
        source = raw[file]["sources"][int(key[1])]
        key[1] = str(source["name"]) if isinstance(source, dict) and "name" in source else key[1]
    return f"{file}.yaml: {'.'.join(key) or 'the whole file'}: {error['msg']}"


def _sources_alone(raw: dict[str, Any]) -> list[str]:
    """The cross-checks of those sources that are well-formed, where something else in the files is not."""
    logs = raw.get("logs")
    entries = logs.get("sources") if isinstance(logs, dict) else None
    found = []
    for entry in entries if isinstance(entries, list) else []:
        try:
            found += _of_source(Source.model_validate(entry))
        except ValidationError:
            continue  # listed already
    return found


def _of_source(source: Source) -> list[str]:
    return [f"logs.yaml: sources.{source.name}.{mistake}" for mistake in source.mistakes()]


def _cross_checks(deployment: Deployment) -> list[str]:
    mistakes = []
    names = [feature.name for feature in deployment.solr.features]
    mistakes += [
        f"solr.yaml: features: {name!r} is defined twice" for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if isinstance(wanted := deployment.gate.features, list):
        mistakes += [
            f"gate.yaml: features: {name!r} is not defined in solr.yaml" for name in wanted if name not in names
        ]
    sources = [source.name for source in deployment.logs.sources]
    mistakes += [
        f"logs.yaml: sources: {name!r} is defined twice"
        for name in sorted({s for s in sources if sources.count(s) > 1})
    ]
    if not any(source.kind == "search" for source in deployment.logs.sources):
        mistakes.append("logs.yaml: sources: at least one must have kind: search")
    if deployment.solr.request.rerank_docs < deployment.solr.request.rows:
        mistakes.append("solr.yaml: request.rerank_docs: must be at least request.rows")
    review = deployment.gate.review
    if review.required and not review.reviewers:
        mistakes.append("gate.yaml: review.reviewers: name at least one, or set review.required: false")
    return mistakes + [mistake for source in deployment.logs.sources for mistake in _of_source(source)]
