"""Large models in SolrCloud: each in a file of its own in the configset, named by a small wrapper in the model store.

ZooKeeper holds all models of a configset as one list of at most about a megabyte, and Solr loses without a word what
goes beyond. A ``DefaultWrapperModel`` names a resource instead, and a node of SolrCloud looks for that in the
configset first, which all nodes share (measured on 8.11.4; a path outside it is refused there). So each large model
has that megabyte for itself, written without indentation, and Solr says it if it does not fit.
"""

from __future__ import annotations

from typing import Any

#: Larger models get a file of their own, in SolrCloud.
APART_BYTES = 100_000
_CLASS = "org.apache.solr.ltr.model.DefaultWrapperModel"
FOLDER = "reprise_models"  # in the configset


def wrapper(model: dict[str, Any]) -> dict[str, Any]:
    """Return what stands for a model in the store; Solr takes its features and store from the file."""
    resource = f"{FOLDER}/{model['name']}.json"
    return {
        "class": _CLASS,
        "name": model["name"],
        "store": model["store"],
        "features": [],
        "params": {"resource": resource},
    }


def resource_of(model: dict[str, Any]) -> str:
    """Return the file that a model of the store stands for if Reprise put it there, else ""."""
    resource = str(model["params"].get("resource", "")) if model["class"] == _CLASS else ""
    return resource if resource == f"{FOLDER}/{model['name']}.json" else ""
