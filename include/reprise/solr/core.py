"""Where requests go: one core on every replica, standalone or in SolrCloud, and the calls that concern it whole."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from reprise.errors import UsageError
from reprise.solr.apart import FOLDER
from reprise.solr.cluster import Replica, collection_replicas
from reprise.solr.transport import Answer, Transport
from reprise.solr.versions import Capabilities, capabilities

log = logging.getLogger(__name__)
Params = Mapping[str, Any]
JsonObject = dict[str, Any]


class Core:
    """One core on one or more replicas; ``nodes`` are base addresses such as ``http://127.0.0.1:8983/solr``.

    Standalone, every node has a core of that name. In SolrCloud the name is a collection's, any of its nodes will
    do, and the replicas are asked for once, at first use. A replica is named by an entry of ``urls``; the first is
    pinned: every write goes there, so that no replica rewrites the stores from an older memory.
    """

    def __init__(
        self,
        nodes: Sequence[str],
        core: str,
        timeout_s: float = 60.0,
        id_field: str = "id",
        login: tuple[str, str] | None = None,
    ) -> None:
        if not nodes or isinstance(nodes, str):
            raise UsageError("no Solr address was given", "list at least one replica's base URL")
        self.nodes = [url.rstrip("/") for url in nodes]
        self.core = core
        self.id_field = id_field
        self._transport = Transport(timeout_s, login)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # --- replicas ------------------------------------------------------------------------------------------------

    @cached_property
    def _collection(self) -> list[Replica]:
        return collection_replicas(self._transport, self.nodes, self.core)

    @property
    def cloud(self) -> bool:
        """Whether this is a SolrCloud collection."""
        return bool(self._collection)

    def replicas(self) -> list[Replica]:
        """Return every replica, the pinned one first; in SolrCloud also those that are down, as their state says."""
        return self._collection or [Replica(url, self.core) for url in self.nodes]

    @property
    def urls(self) -> list[str]:
        """What names each replica in other calls: its node's address, in SolrCloud its core's."""
        return [one.address for one in self._collection] or self.nodes

    @property
    def pinned(self) -> str:
        """The replica that takes every write."""
        return self.urls[0]

    def pin(self, url: str) -> None:
        """Let every write from now on go to this replica, one of ``urls``: what was pinned may be away."""
        if self.cloud:
            self._collection.sort(key=lambda one: one.address != url)
        else:
            self.nodes.sort(key=lambda node: node != url)

    def address(self, url: str | None = None) -> str:
        """Return the core's own address on a replica (default: the pinned one)."""
        url = url or self.pinned
        return url if self.cloud else f"{url}/{self.core}"

    def _node(self, url: str | None) -> str:
        url = url or self.pinned
        return url.rpartition("/")[0] if self.cloud else url

    # --- requests ------------------------------------------------------------------------------------------------

    def get(self, path: str, params: Params | None = None, url: str | None = None) -> JsonObject:
        """Return what the core answers at a path such as ``/config/params``."""
        return self._transport.send("GET", f"{self.address(url)}{path}", params=params).body

    def post(self, path: str, body: Any, params: Params | None = None, timeout_s: float | None = None) -> JsonObject:
        """Return what the pinned core answers to a JSON body."""
        sent = {"params": params, "body": body, **({} if timeout_s is None else {"timeout_s": timeout_s})}
        return self._transport.send("POST", f"{self.address()}{path}", **sent).body

    def delete(self, path: str) -> None:
        """Delete what the pinned core has at a path; of what is not there Solr says nothing."""
        self._transport.send("DELETE", f"{self.address()}{path}")

    def select(self, params: Params, handler: str = "/select", url: str | None = None) -> Answer:
        """Return the answer of one replica to a search, with the seconds it took; sent as a form, of any length.

        Its ``q`` is sent as ``as_data`` has it.
        """
        form = {**params, **({"q": as_data(params["q"])} if "q" in params else {}), "wt": "json"}
        if self.cloud:
            form["distrib"] = "false"  # the replica asked, and no other, is to answer
        return self._transport.send("POST", f"{self.address(url)}{handler}", form=form)

    # --- the core ------------------------------------------------------------------------------------------------

    def ping(self, url: str | None = None) -> None:
        """Ensure the core answers a query; else ServiceError or UsageError."""
        self.get("/select", {"q": "*:*", "rows": 0, "distrib": "false"}, url)

    def capabilities(self, url: str | None = None) -> Capabilities:
        """Return what this Solr's version does."""
        info = self._transport.send("GET", f"{self._node(url)}/admin/info/system").body
        return capabilities(str(info["lucene"]["solr-spec-version"]))

    def reload(self) -> None:
        """Reload the core on every replica; only what was really stored is left afterwards."""
        if self.cloud:
            # By its own name: Solr 8.11.4 finds no collection to reload by an alias.
            asked = {"action": "RELOAD", "name": self._collection[0].collection}
            self._transport.send("GET", f"{self._node(None)}/admin/collections", params=asked)
            return
        for url in self.urls:
            self._transport.send("GET", f"{url}/admin/cores", params={"action": "RELOAD", "core": self.core})

    @cached_property
    def takes_files(self) -> bool:
        """Whether Solr lets this client put files into the collection's configset; found out by putting one there.

        Without a log-in it lets nobody alter one that was loaded with one or by its command line (measured on 8.11.4).
        """
        if not self.cloud:
            return False
        try:
            self._write_file(f"{FOLDER}/about.json", {"about": "models that Reprise's entries of the model store name"})
        except UsageError as refusal:
            log.info("large models stay in the list: %s", refusal.problem)
            return False
        return True

    def _write_file(self, name: str, content: Any) -> None:
        # Over what is there: a file's name holds the digest of its content, so that is the same or was half written.
        where = {"action": "UPLOAD", "name": self._collection[0].configset, "filePath": name, "overwrite": "true"}
        self._transport.send("POST", f"{self._node(None)}/admin/configs", params=where, body=content)

    def before_writing(self) -> None:
        """Ensure the pinned core knows what other cores have written: it would write its own memory over that."""
        if self.cloud:
            self.reload()


def as_data(text: str) -> str:
    """Return a listener's text so that Solr reads no macro in it: ``${`` becomes ``$ {``.

    Solr expands ``${name}`` in every parameter of a search, and LTR once more in what a feature is passed; neither can
    be escaped, and a name that nobody sent fails the search (measured on 8.11.4). Tokenizers part words there anyway.
    """
    return text.replace("${", "$ {")
