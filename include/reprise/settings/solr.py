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


class Publish(Strict):
    """What new values of behaviour fields have to look like beside those that Solr serves, and how Solr is watched."""

    max_drift: float = Field(0.25, gt=0, description="population stability index of a field; 0.25 is a large shift")
    max_vanished_share: float = Field(0.2, ge=0, le=1, description="of the items with a value, those that lose it")
    searches_per_second: float = Field(20.0, gt=0, description="sent while it runs, to see what searches notice")


class Serving(Strict):
    """What releases may take up in Solr, and how the serving check asks it."""

    show: list[str] = Field(
        default=["title", "artist", "entity"], min_length=1, description="fields that tell a person what an item is"
    )
    searches: int = Field(200, ge=1, description="most frequent searches of a day that the serving check sends")
    keep_releases: int = Field(
        5, ge=0, description="newest releases whose models stay in Solr beside live and previous, to roll back to"
    )
    max_file_bytes: int = Field(
        1_000_000, ge=1, description="of a file of Solr's in ZooKeeper; more only where jute.maxbuffer was raised"
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
    publish: Publish = Publish()
    serving: Serving = Serving()
    max_model_bytes: int = Field(1_000_000, ge=1)
