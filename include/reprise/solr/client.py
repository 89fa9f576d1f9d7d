"""A thin client of the calls Reprise needs, on one core with its replicas (core.py).

Traps it knows (measured on 8.11.4): a GET of an unknown store, and a query that logs from one, make a phantom store;
``GET model-store/<name>`` ignores the name; a list PUT that fails is half applied; the request parameter ``ids`` is
taken by Solr itself; an atomic update of an unknown id makes a document with nothing else in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from reprise.connections import connection
from reprise.errors import ServiceError, UsageError
from reprise.solr.apart import APART_BYTES, resource_of, wrapper
from reprise.solr.core import Core, JsonObject, Params
from reprise.solr.pace import Pace
from reprise.solr.score import check_model
from reprise.solr.stored import written_bytes

_SEPARATOR = "␟"  # between ids in one parameter; no id holds it, and Solr does not trim it away


@dataclass(frozen=True)
class FeatureLog:
    """Feature values as Solr computes them: row ``n`` of ``values`` (float32) belongs to ``ids[n]``."""

    ids: list[str]
    names: list[str]
    values: npt.NDArray[np.float32]


class SolrClient(Core):
    """The stores, request parameters, documents and feature values of one core on its replicas."""

    @cached_property
    def _known_stores(self) -> set[tuple[str, str]]:
        return set()

    # --- stores ------------------------------------------------------------------------------------------------

    def feature_stores(self, url: str | None = None) -> list[str]:
        """Return the names of all feature stores, phantoms included."""
        return list(self.get("/schema/feature-store", url=url)["featureStores"])

    def features(self, store: str, url: str | None = None) -> list[JsonObject]:
        """Return a store's features, each with its ``store``; an unknown store has none, and none is made."""
        if store not in self.feature_stores(url):
            return []
        return list(self.get(f"/schema/feature-store/{store}", url=url)["features"])

    def put_features(self, store: str, features: Sequence[JsonObject]) -> None:
        """Add features to a store; a name it has already is a UsageError, and then the list may be half applied."""
        self.post("/schema/feature-store", [{**feature, "store": store} for feature in features])

    def delete_feature_store(self, store: str) -> None:
        """Delete a store nobody uses; one that a model uses is refused here (Solr would lose the core at restart)."""
        users = [str(model["name"]) for model in self.models() if model["store"] == store]
        if users:
            raise UsageError(f"the feature store {store!r} is used by {users}", "delete these models first")
        self.delete(f"/schema/feature-store/{store}")

    def models(self, url: str | None = None) -> list[JsonObject]:
        """Return all models with their parameters, as stored; one that lies in a file of its own, as it is there."""
        return [self._whole(model, url) for model in self.stored_models(url)]

    def stored_models(self, url: str | None = None) -> list[JsonObject]:
        """Return the model store's entries as they are: a wrapper stands for a model in a file of its own."""
        return list(self.get("/schema/model-store", url=url)["models"])

    def model(self, name: str, url: str | None = None) -> JsonObject | None:
        """Return one model, or None."""
        return next((model for model in self.models(url) if model["name"] == name), None)

    def put_model(self, model: JsonObject) -> None:
        """Add a model; its name must be new and its store present. Not proof of storage: reload and read back.

        One that Solr would take and misread, or score 0 for all, is a UsageError and is not sent. In SolrCloud a large
        one is written to a file of its own (apart.py).
        """
        check_model(model)
        if self.lies_apart(model):
            self._write_file(resource_of(wrapper(model)), model)
            model = wrapper(model)
        self.post("/schema/model-store", model)

    def lies_apart(self, model: JsonObject) -> bool:
        """Return whether a model gets, or would get, a file of its own here."""
        return self.cloud and written_bytes(model, None) > APART_BYTES and self.takes_files

    def _whole(self, model: JsonObject, url: str | None) -> JsonObject:
        file = resource_of(model)
        return {**self.get("/admin/file", {"file": file}, url), "name": model["name"]} if file else model

    def delete_model(self, name: str) -> None:
        """Delete a model; queries that name it fail at once."""
        self.delete(f"/schema/model-store/{name}")

    # --- request parameters --------------------------------------------------------------------------------------

    def paramsets(self, url: str | None = None) -> dict[str, JsonObject]:
        """Return all paramsets; each holds its version under the key ``""`` as ``{"v": n}``."""
        return dict(self.get("/config/params", url=url)["response"].get("params", {}))

    def write_paramsets(
        self,
        replace: Mapping[str, JsonObject],
        merge: Mapping[str, JsonObject] | None = None,
        timeout_s: float | None = None,
    ) -> None:
        """Replace whole paramsets and merge keys into others (which must exist), all in one write.

        In SolrCloud the answer comes when every replica has it, and half a minute late where one is away; then
        ``timeout_s`` ends the waiting, and what was written is to be read.
        """
        commands: JsonObject = {"set": dict(replace)} if replace else {}
        if merge:
            commands["update"] = dict(merge)
        self.post("/config/params", commands, timeout_s=timeout_s)

    # --- documents -----------------------------------------------------------------------------------------------

    def add(self, documents: Iterable[JsonObject], batch: int = 1000) -> int:
        """Index documents, each with all its fields, and commit; return how many."""
        count = 0
        for some in _batches(documents, batch):
            self.post("/update", some)
            count += len(some)
        self.commit()
        return count

    def commit(self) -> None:
        """Make what was written visible."""
        self.post("/update", {"commit": {}})

    def field_values(
        self, fields: Sequence[str], batch: int = 10_000
    ) -> Iterator[tuple[list[str], npt.NDArray[np.float32]]]:
        """Yield all documents by id, some at a time: their ids, and a row of float32 for each; NaN where it has none.

        Ids come in the order of their code points. What was written and not committed is not seen.
        """
        asked = {"q": "*:*", "fl": ",".join([self.id_field, *fields]), "rows": batch, "sort": f"{self.id_field} asc"}
        mark, done = "", "*"
        while mark != done:
            mark = done
            body = self.select({**asked, "cursorMark": mark}).body
            documents, done = body["response"]["docs"], body["nextCursorMark"]
            if documents:
                values = [[document.get(name, np.nan) for name in fields] for document in documents]
                yield [str(document[self.id_field]) for document in documents], np.array(values, np.float32)

    def update_fields(
        self, updates: Iterable[tuple[str, Mapping[str, float]]], batch: int = 1000, lanes: int = 1
    ) -> list[str]:
        """Set fields of documents in place, commit once, and return the ids that Solr does not hold.

        So many ``lanes`` each send one batch at a time, as fast as Solr takes them.

        Every field must be docValues-only, single-valued: otherwise Solr would rebuild the document from what is
        stored and lose the rest. An id that Solr does not hold is passed over, never made.
        """
        missing: list[str] = []
        checked: set[str] = set()
        paces = [Pace() for _ in range(lanes)]
        with ThreadPoolExecutor(lanes) as pool:
            for together in _batches(_batches(updates, batch), lanes):
                for some in together:
                    _require_finite(some)
                    for name in sorted({name for _, fields in some for name in fields} - checked):
                        self._require_in_place(name)
                        checked.add(name)
                for lost in pool.map(self._update, together, paces):
                    missing += lost
        if checked:
            self.commit()
        return missing

    def _update(self, some: Sequence[tuple[str, Mapping[str, float]]], pace: Pace) -> list[str]:
        options = {"failOnVersionConflicts": "false", "versions": "true"}
        body = [
            {self.id_field: key, "_version_": 1, **{name: {"set": value} for name, value in fields.items()}}
            for key, fields in some
        ]
        done = set(pace.call(lambda: self.post("/update", body, options)).get("adds", [])[::2])
        return [key for key, _ in some if key not in done]

    def _require_in_place(self, name: str) -> None:
        field = self.get(f"/schema/fields/{name}", {"includeDynamic": "true", "showDefaults": "true"})["field"]
        if not field["docValues"] or field["stored"] or field["indexed"] or field["multiValued"]:
            raise UsageError(
                f"Solr's field {name!r} in {self.core!r} cannot be updated in place",
                "define it with docValues=true, indexed=false, stored=false, multiValued=false",
            )

    # --- feature logging -----------------------------------------------------------------------------------------

    def log_features(
        self,
        store: str,
        params: Params,
        efi: Mapping[str, str],
        handler: str = "/select",
        ids: Sequence[str] | None = None,
        rows: int = 100,
        url: str | None = None,
    ) -> FeatureLog:
        """Return a store's features for what a request finds: its first ``rows``, or those of ``ids`` it finds.

        ``params`` is the request without ``rq``; ``efi`` maps a name to a reference such as ``$q``. An id that the
        request does not retrieve is simply absent. An unknown or empty store is a UsageError.
        """
        self._require_store(store, url or self.pinned)
        passed = "".join(f" efi.{name}={value}" for name, value in sorted(efi.items()))
        wanted = {"fl": f"{self.id_field},[features store={store} format=dense{passed}]", "rows": rows, "start": 0}
        form = {**params, **wanted, **(_restriction(params, self.id_field, ids) if ids is not None else {})}
        documents = self.select(form, handler, url).body["response"]["docs"]
        if documents and documents[0].get("[features]") == "":
            self._known_stores.clear()
            raise ServiceError(f"the feature store {store!r} has gone from {url or self.pinned}", "upload it again")
        return _parse_log(documents, self.id_field)

    def _require_store(self, store: str, url: str) -> None:
        # Asked once: stores are never changed, and a query that logs from an unknown one would make a phantom.
        if (store, url) in self._known_stores:
            return
        if not self.features(store, url):
            raise UsageError(f"Solr at {url} has no feature store {store!r}", "upload it first")
        self._known_stores.add((store, url))


def _require_finite(updates: Sequence[tuple[str, Mapping[str, float | None]]]) -> None:
    for key, fields in updates:
        for name, value in fields.items():
            if value is None or not np.isfinite(value):
                raise UsageError(f"the value of {name!r} for {key!r} is {value}", "give a finite number")


def connect(core: str, id_field: str = "id") -> SolrClient:
    """Return a client of the Solr connection's replicas (``extra.urls``, else its one address), with its log-in."""
    where = connection("solr")
    login = (where.login, where.password or "") if where.login else None
    return SolrClient(where.extra.get("urls") or [where.uri], core, id_field=id_field, login=login)


def _restriction(params: Params, id_field: str, ids: Sequence[str]) -> JsonObject:
    own = params.get("fq", [])
    filters = [own] if isinstance(own, str) else list(own)
    # Not the parameter `ids`: Solr takes that for its own second phase and answers nothing.
    wanted = f"{{!terms f={id_field} separator='{_SEPARATOR}' v=$reprise.ids}}"
    return {"fq": [*filters, wanted], "reprise.ids": _SEPARATOR.join(ids), "rows": len(ids)}


def _parse_log(documents: Sequence[JsonObject], id_field: str) -> FeatureLog:
    if documents and "[features]" not in documents[0]:
        raise ServiceError("Solr has no [features] transformer", "add it to solrconfig.xml and reload the core")
    pairs = [[pair.rsplit("=", 1) for pair in document["[features]"].split(",")] for document in documents]
    names = [name for name, _ in pairs[0]] if pairs else []
    values = np.array([[float(value) for _, value in row] for row in pairs], dtype=np.float32)
    return FeatureLog(
        [str(document[id_field]) for document in documents], names, values.reshape(len(pairs), len(names))
    )


def _batches(items: Iterable[Any], size: int) -> Iterable[list[Any]]:
    remaining = iter(items)
    while some := list(islice(remaining, size)):
        yield some
