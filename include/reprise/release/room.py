"""Is there room for a candidate? In SolrCloud each of Solr's files is one node of ZooKeeper, which bounds its size."""

from __future__ import annotations

import json

from reprise.errors import RepriseError, UsageError
from reprise.release.candidate import Candidate
from reprise.release.prune import prunable
from reprise.solr.apart import wrapper
from reprise.solr.client import SolrClient
from reprise.solr.stored import features_bytes, model_bytes, models_bytes, written_bytes

#: Of a file in ZooKeeper. Its own limit, 1,048,575 with some hundred bytes around, leaves room for rollbacks' lines.
ZOOKEEPER_BYTES = 1_000_000


def require_room(client: SolrClient, candidate: Candidate, max_model_bytes: int, max_file_bytes: int) -> int:
    """Return the bytes that the candidate's model takes; UsageError where it, or a file with it, is too large."""
    model, indent = candidate.solr_model(), client.capabilities().indent
    apart = client.lies_apart(model)
    size = written_bytes(model, None) if apart else model_bytes(model, indent)
    if size > max_model_bytes:
        raise UsageError(
            f"{candidate.model!r} needs {size:,} bytes in Solr's model store, more than {max_model_bytes:,}",
            "train fewer or smaller trees, or raise max_model_bytes in solr.yaml",
        )
    if client.cloud:
        if apart and size > max_file_bytes:
            raise UsageError(
                f"{candidate.model!r} needs a file of {size:,} bytes in ZooKeeper, more than {max_file_bytes:,}",
                "train fewer or smaller trees, or raise jute.maxbuffer on ZooKeeper and Solr, and"
                " serving.max_file_bytes in solr.yaml",
            )
        _require_lists(client, candidate, max_file_bytes, indent)
    return size


def _require_lists(client: SolrClient, candidate: Candidate, most: int, indent: int | None) -> None:
    """Ensure that each of Solr's three lists still fits with the candidate in it."""
    stored = client.stored_models()
    model = candidate.solr_model()
    new_models = [] if candidate.model in {one["name"] for one in stored} else [model]
    new_models = [wrapper(one) if client.lies_apart(one) else one for one in new_models]
    features = [one for store in client.feature_stores() for one in client.features(store)]
    there = {one["name"] for one in features if one["store"] == candidate.store}
    new_features = [{**one, "store": candidate.store} for one in candidate.features if one["name"] not in there]
    paramsets = {"params": client.paramsets()}
    lists = {
        "models": (models_bytes(stored, indent), models_bytes([*stored, *new_models], indent)),
        "features": (features_bytes(features, indent), features_bytes([*features, *new_features], indent)),
        "request parameters": (written_bytes(paramsets, 2), written_bytes(paramsets, 2) + _record_bytes(candidate)),
    }
    for name, (now, then) in lists.items():
        if then > most:
            raise UsageError(
                f"with {candidate.model!r} the {name} of Solr's core {client.core!r} would take {then:,} bytes in"
                f" ZooKeeper, more than {most:,}: {now:,} are taken ({len(stored)} models), it needs {then - now:,}",
                _remedy(client, candidate, stored, indent),
            )


def _record_bytes(candidate: Candidate) -> int:
    """Return about what a release adds to the record: its line with a switch, and what live and previous then say."""
    meta = {**candidate.to_dict(), "model_json": {}, "features": [one["name"] for one in candidate.features]}
    line = len(json.dumps(json.dumps(meta)).encode())
    return 3 * line + 2_000


def _remedy(client: SolrClient, candidate: Candidate, stored: list[dict[str, object]], indent: int | None) -> str:
    try:
        gone = set(prunable(client, [candidate.model], last=0))
    except RepriseError:
        gone = set()  # nothing is pruned while the record is unclear
    freed = [one for one in stored if one["name"] in gone]
    if not freed:
        return "pruning would free nothing; raise jute.maxbuffer on ZooKeeper and Solr, and serving.max_file_bytes"
    size = sum(model_bytes(one, indent) for one in freed)
    names = ", ".join(str(one["name"]) for one in freed)
    return f"`reprise release prune` frees up to {size:,} bytes: {names}"
