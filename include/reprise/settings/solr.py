"""``solr.yaml``: the request that Reprise reranks, and the features."""

from __future__ import annotations

from pydantic import Field

from reprise.settings.base import Strict
from reprise.settings.features import Feature


class Request(Strict):
    """The search request that Reprise reranks, exactly as the application sends it."""

    handler: str = "/search"
    params: dict[str, str] = Field(default_factory=dict)
    rows: int = Field(10, ge=1)
    rerank_docs: int = Field(100, ge=1)
    id_field: str = "id"
    released_field: str | None = Field(
        None, description="the date from which an item exists: what came after a past search is not in its answer"
    )


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
