"""Which cores answer for one name: a SolrCloud collection's replicas, or the core of that name at each address.

In SolrCloud a collection has as many cores as replicas, each with a name of its own. A store written through one core
is known to the others only after the collection's reload, and a core rewrites the whole list from its own memory
(measured on 8.11.4), so Reprise must see and address each replica by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reprise.errors import RepriseError, UnavailableError, UsageError
from reprise.solr.transport import Transport

_STANDALONE = "not running in SolrCloud mode"  # what a node without ZooKeeper answers, on 8.11 and later


@dataclass(frozen=True)
class Replica:
    """One core: its node's base address, and its name there. ``state``: ``active``, or why it serves nothing.

    ``collection`` has its own name, behind whatever alias, and ``configset`` is whose files it reads; "" where it is
    no collection's.
    """

    url: str
    core: str
    shard: str = ""
    state: str = "active"
    leader: bool = False
    collection: str = ""
    configset: str = ""

    @property
    def address(self) -> str:
        """The core's own address."""
        return f"{self.url}/{self.core}"


def collection_replicas(transport: Transport, nodes: Sequence[str], name: str) -> list[Replica]:
    """Return a collection's replicas, the leader first; empty where these nodes are no SolrCloud.

    The first node that answers is asked. A collection that is unknown, has more than one shard, or no living
    replica is an error.
    """
    status = _cluster_status(transport, nodes, name)
    if status is None:
        return []
    live = set(status["live_nodes"])
    # An alias is answered with the collection behind it.
    collections = status["collections"]
    if len(collections) != 1:
        raise UsageError(f"the alias {name!r} stands for {sorted(collections)}", "name one collection")
    own_name, collection = next(iter(collections.items()))
    shards = collection["shards"]
    if len(shards) != 1:
        raise UsageError(
            f"the collection {name!r} has {len(shards)} shards: each would rerank its own first results, and what is"
            " merged is not what was proven",
            "serve reranked searches from a collection of one shard with several replicas",
        )
    found = [
        Replica(
            url=str(one["base_url"]).rstrip("/"),
            core=str(one["core"]),
            shard=shard,
            state=str(one["state"]) if one["node_name"] in live else "down",
            leader=str(one.get("leader", "")) == "true",
            collection=own_name,
            configset=str(collection["configName"]),
        )
        for shard, content in shards.items()
        for one in content["replicas"].values()
    ]
    found.sort(key=lambda one: (one.state != "active", not one.leader, one.address))
    if not found or found[0].state != "active":
        raise UnavailableError(
            f"no replica of {name!r} is active: {', '.join(f'{one.address} is {one.state}' for one in found)}",
            "start its nodes; see Solr's log",
        )
    return found


def _cluster_status(transport: Transport, nodes: Sequence[str], name: str) -> dict[str, Any] | None:
    unreachable: RepriseError | None = None
    for node in nodes:
        asked = {"action": "CLUSTERSTATUS", "collection": name}
        try:
            cluster = transport.send("GET", f"{node}/admin/collections", params=asked).body["cluster"]
        except UnavailableError as error:
            unreachable = error
            continue
        except UsageError as error:
            if _STANDALONE in str(error):
                return None
            if "not found" in str(error):
                raise UsageError(
                    f"there is no collection {name!r} at {node}", "correct solr.core in solr.yaml"
                ) from None
            raise
        return dict(cluster)
    assert unreachable is not None
    raise unreachable
