"""``solr.yaml``: the request that Reprise reranks, and the features."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reprise.settings.base import Strict


class Request(Strict):
    """The search request that Reprise reranks, exactly as the application sends it."""

    handler: str = "/search"
    params: dict[str, str] = Field(default_factory=dict)
    rows: int = Field(10, ge=1)
    rerank_docs: int = Field(100, ge=1)
    id_field: str = "id"


class MatchFeature(Strict):
    """A Solr query whose score is the feature; ``${q}`` is the listener's text."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    kind: Literal["match"]
    query: str | None = Field(None, description="a SolrFeature's q; None: the engine's own score")


class ItemFeature(Strict):
    """A field of the document, read by Solr."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    kind: Literal["item"]
    field: str
    equals: str | None = Field(None, description="1 where the field has this value, else 0")


class BehaviourFeature(Strict):
    """A rate or count from daily statistics, point in time; see features/behaviour.py for the measures."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    meaning: str
    kind: Literal["behaviour"]
    measure: Literal["plays", "listeners", "completion", "skip_rate", "save_rate", "search_utility"]
    days: int = Field(28, ge=1)
    prior: float = Field(20.0, ge=0, description="pseudo-events drawn towards the entity type's mean")


Feature = Annotated[MatchFeature | ItemFeature | BehaviourFeature, Field(discriminator="kind")]


class Solr(Strict):
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
    live_vectors: list[str] = Field(
        default_factory=list,
        description="where the application logs [features]: globs, {date} and others are the day's",
    )
    max_model_bytes: int = Field(1_000_000, ge=1)
