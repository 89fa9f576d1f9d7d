"""A deployment's four files, typed.

What a team edits is small: each file holds only differences from the defaults below, and ``extends:`` takes
everything else from another deployment. Every mistake in every file is reported at once.
Addresses and secrets are never in these files: see connections.py.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reprise.errors import DeploymentError, UsageError

FILES = ("logs", "solr", "gate", "emr")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- logs.yaml -------------------------------------------------------------------------------------------------


class Source(_Strict):
    """One kind of raw record in one set of files; a field is a dotted path into the record."""

    name: str
    kind: Literal["search", "play"]
    uris: list[str] = Field(min_length=1, description="globs; {date} {yyyy} {mm} {dd} {hh} are the day's parts")
    format: Literal["jsonl", "bulk"] = Field("jsonl", description="JSON lines, or a bulk file of action + document")
    position_base: Literal[0, 1] = 1
    time_format: Literal["iso", "epoch_s", "epoch_ms", "epoch_us"] = "iso"
    fields: dict[str, str] = Field(description="our field name → dotted path in the record")
    actions: dict[str, str] = Field(default_factory=dict, description="their action name → impression|click|save")
    drop_when: dict[str, list[str]] = Field(
        default_factory=dict, description="our field name → values that mark internal or opted-out traffic"
    )


class Journeys(_Strict):
    """How searches become journeys, and plays are attributed to them (seconds unless named otherwise)."""

    settle_s: float = Field(3.0, gt=0)
    displayed_ms: int = Field(500, ge=0)
    displayed_weight: float = Field(0.5, ge=0, le=1)
    reformulation_s: float = Field(120.0, gt=0)
    idle_s: float = Field(1800.0, gt=0)
    attribution_s: float = Field(1800.0, gt=0)
    save_s: float = Field(86400.0, gt=0)
    user_buckets: int = Field(16, ge=1)


class Utility(_Strict):
    """The constants of an item's utility in a search (seconds); see docs/domain.md for the formula."""

    bounce_s: float = Field(5.0, ge=0)
    listen_s: float = Field(30.0, gt=0)
    joy_cap_s: float = Field(240.0, gt=0)
    sampled: float = Field(0.1, ge=0, le=1)
    satisfied: float = Field(0.5, ge=0, le=1)
    max_searches_per_user_day: int = Field(400, ge=1)
    max_plays_per_user_item_day: int = Field(20, ge=1)
    max_impressions_per_user_item_day: int = Field(30, ge=1)


class Logs(_Strict):
    """``logs.yaml``: where raw records are and what they mean."""

    sources: list[Source] = Field(min_length=1)
    journeys: Journeys = Journeys()
    utility: Utility = Utility()
    lookback_days: int = Field(90, ge=1)
    max_reject_share: float = Field(0.05, ge=0, le=1, description="a day with more is not learned from")
    min_searches_per_day: int = Field(50, ge=0)


# --- solr.yaml -------------------------------------------------------------------------------------------------


class Request(_Strict):
    """The search request that Reprise reranks, exactly as the application sends it."""

    handler: str = "/search"
    params: dict[str, str] = Field(default_factory=dict)
    rows: int = Field(10, ge=1)
    rerank_docs: int = Field(100, ge=1)
    id_field: str = "id"


class MatchFeature(_Strict):
    """A Solr query whose score is the feature; ``${q}`` is the listener's text."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    kind: Literal["match"]
    query: str | None = Field(None, description="a SolrFeature's q; None: the engine's own score")


class ItemFeature(_Strict):
    """A field of the document, read by Solr."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    kind: Literal["item"]
    field: str
    equals: str | None = Field(None, description="1 where the field has this value, else 0")


class BehaviourFeature(_Strict):
    """A rate or count from daily statistics, point in time; see features/behaviour.py for the measures."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    kind: Literal["behaviour"]
    measure: Literal["plays", "listeners", "completion", "skip_rate", "save_rate", "search_utility"]
    days: int = Field(28, ge=1)
    prior: float = Field(20.0, ge=0, description="pseudo-events drawn towards the entity type's mean")


Feature = Annotated[MatchFeature | ItemFeature | BehaviourFeature, Field(discriminator="kind")]


class Solr(_Strict):
    """``solr.yaml``: the request and the features; the address is a connection."""

    core: str = "music"
    request: Request = Request()
    features: list[Feature] = Field(min_length=1)
    behaviour_lag_days: int = Field(1, ge=0)
    behaviour_mask_share: float = Field(0.15, ge=0, lt=1)
    unshown_per_query: int = Field(10, ge=0)
    unshown_weight: float = Field(0.1, ge=0, le=1)
    max_train_queries: int = Field(4000, ge=1, description="request cap for training blocks, heaviest traffic kept")
    requests_in_flight: int = Field(2, ge=1)
    max_model_bytes: int = Field(1_000_000, ge=1)


# --- gate.yaml -------------------------------------------------------------------------------------------------


class Blocks(_Strict):
    """Days per block, counted back from the as-of day; what is left over at the front is history."""

    test_days: int = Field(7, ge=1, le=7)
    validation_days: int = Field(7, ge=1, le=7)
    train_block_days: int = Field(7, ge=1)
    min_history_days: int = Field(2, ge=0)


class Theta(_Strict):
    """Position bias: how it is measured, and the curves used where it cannot be."""

    assumed: list[float] = Field(default=[1.0, 0.7, 0.5, 0.4, 0.3, 0.25, 0.2, 0.17, 0.15, 0.13])
    steep_power: float = Field(1.5, gt=1)
    clip: float = Field(0.02, gt=0, lt=1)
    min_pairs: int = Field(30, ge=1, description="(query, item, day) contrasts per adjacent pair of positions")


class Judging(_Strict):
    """The prior of a judgment, and the absolute cuts of its grades 0–4."""

    prior_weight: float = Field(2.0, ge=0)
    grade_cuts: list[float] = Field(default=[0.05, 0.15, 0.3, 0.5], min_length=4, max_length=4)


class LightGbm(_Strict):
    """LambdaMART's settings; every tree is exported exactly."""

    trees: int = Field(200, ge=1)
    leaves: int = Field(15, ge=2)
    learning_rate: float = Field(0.07, gt=0)
    min_rows_per_leaf: int = Field(30, ge=1)
    early_stopping_rounds: int = Field(25, ge=1)
    seed: int = 7


class Linear(_Strict):
    """Ridge regression of utility on standardised features (Spark ML)."""

    ridge: float = Field(0.01, ge=0)


class Policy(_Strict):
    """What the gate demands; every comparison is paired by query."""

    confidence: float = Field(0.95, gt=0.5, lt=1)
    min_gain: float = Field(0.0, ge=0, description="the interval's lower end must lie above this")
    baseline_margin: float = Field(0.0, ge=0)
    resamples: int = Field(2000, ge=100)
    min_queries: int = Field(100, ge=2)
    head_queries: int = Field(50, ge=0, description="a fixed stratum: never resampled")
    max_train_gap: float = Field(0.15, gt=0, description="train minus validation, of the deciding metric")
    max_unreachable_share: float = Field(0.5, gt=0, le=1)


class Review(_Strict):
    """Who may approve, how long they have, and whether the policy asks for them at all."""

    required: bool = True
    reviewers: list[str] = Field(default_factory=list)
    timeout_hours: float = Field(72.0, gt=0)


class Gate(_Strict):
    """``gate.yaml``: blocks, families, position bias, policy, reviewers."""

    blocks: Blocks = Blocks()
    families: list[Literal["linear", "lambdamart"]] = ["linear", "lambdamart"]
    theta: Theta = Theta()
    judging: Judging = Judging()
    lambdamart: LightGbm = LightGbm()
    linear: Linear = Linear()
    policy: Policy = Policy()
    review: Review = Review()


# --- emr.yaml --------------------------------------------------------------------------------------------------


class Emr(_Strict):
    """``emr.yaml``: the cluster and how it is watched."""

    release_label: str = "emr-7.9.0"
    log_uri: str = Field("", description="default: emr-logs/ in the lake")
    service_role: str = "EMR_DefaultRole"
    job_flow_role: str = "EMR_EC2_DefaultRole"
    subnet_id: str = ""
    core_instance_type: str = "m6g.xlarge"
    core_instances: int = Field(1, ge=1)
    task_instance_type: str = "m6g.xlarge"
    task_instances: int = Field(0, ge=0)
    step_concurrency: int = Field(2, ge=1, le=256)
    idle_timeout_s: int = Field(900, ge=60)
    poll_s: float = Field(15.0, gt=0)
    step_timeout_s: int = Field(4 * 3600, ge=60)
    driver_memory: str = "2g"
    executor_memory: str = "4g"
    max_executors: int = Field(10, ge=1)


# --- the deployment --------------------------------------------------------------------------------------------


class Deployment(_Strict):
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
    return Path(os.environ.get("REPRISE_DEPLOYMENTS") or Path(__file__).parents[1] / "deployments")


def list_deployments() -> list[str]:
    """Return the names of all deployments, sorted; a folder with a logs.yaml is one."""
    return sorted(path.parent.name for path in deployments_folder().glob("*/logs.yaml"))


def load_deployment(name: str) -> Deployment:
    """Return a deployment by name or folder; all mistakes of all its files are raised at once."""
    raw, mistakes = _merged(name, ())
    try:
        deployment = Deployment.model_validate({"name": Path(name).name, **raw})
    except ValidationError as error:
        mistakes += [_mistake(name, dict(entry)) for entry in error.errors()]
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
    return over


def _mistake(name: str, error: dict[str, Any]) -> str:
    location = [str(part) for part in error["loc"]]
    file, key = location[0], ".".join(location[1:])
    return f"{file}.yaml: {key or 'the whole file'}: {error['msg']}"


def _cross_checks(deployment: Deployment) -> list[str]:
    mistakes = []
    names = [feature.name for feature in deployment.solr.features]
    mistakes += [
        f"solr.yaml: features: {name!r} is defined twice" for name in sorted({n for n in names if names.count(n) > 1})
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
    for source in deployment.logs.sources:
        wanted = {"search": ("user", "ts", "query", "search_id"), "play": ("user", "ts", "item")}[source.kind]
        mistakes += [f"logs.yaml: sources.{source.name}.fields.{f}: missing" for f in wanted if f not in source.fields]
    return mistakes
