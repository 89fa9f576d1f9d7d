"""Is a release's model in Solr still what its name says? Names are digests of content, so Solr alone can tell."""

from __future__ import annotations

from typing import Any

from reprise.release.candidate import Candidate, named_model, named_store
from reprise.release.record import Release
from reprise.solr.client import SolrClient
from reprise.solr.score import IDENTITY


def trouble(client: SolrClient, wanted: Release | Candidate, url: str) -> str:
    """Return why a replica cannot answer with this model as it was released, in a few words; "" where it can."""
    model = client.model(wanted.model, url)
    if model is None:
        return f"{wanted.model!r} is not on {url} any more"
    features = plain_features(client.features(wanted.store, url))
    if not features:
        return f"the feature store {wanted.store!r} is not on {url} any more"
    if named_store(features) != wanted.store:
        return f"the feature store {wanted.store!r} on {url} was altered by hand"
    content = {key: value for key, value in plain_model(model).items() if key not in ("name", "store")}
    if named_model(wanted.family, content, features) != wanted.model:
        return f"the model {wanted.model!r} on {url} was altered by hand"
    return ""


def plain_model(model: dict[str, Any]) -> dict[str, Any]:
    """Return a model without what Solr adds by itself: the identity normaliser of every feature."""
    features = [
        {key: value for key, value in feature.items() if key != "norm" or value.get("class") != IDENTITY}
        for feature in model["features"]
    ]
    return {**model, "features": features}


def plain_features(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return features as candidates hold them, without the store's name that Solr adds."""
    return [{**{k: v for k, v in one.items() if k != "store"}, "params": one.get("params") or {}} for one in features]
