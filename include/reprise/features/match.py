"""What Solr itself says of the items a query retrieves: the engine's order and the features only Solr can compute.

One request per query, exactly as the application sends it (without ``rq``), logging features from a store of its
own whose name is the hash of what is in it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from reprise.errors import ServiceError, UsageError
from reprise.features.catalogue import EFI, Entry
from reprise.settings import Solr, digest_of
from reprise.solr.client import SolrClient

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

T = TypeVar("T")
log = logging.getLogger(__name__)
#: The columns (text) of the queries asked that make a request: what was typed, and parameters by their own names.
REQUEST = ("query",)
_WAITS_S = (0.5, 2.0, 8.0)


def logging_store(client: SolrClient, entries: list[Entry]) -> str:
    """Ensure that Solr holds these features in a store named by their hash, and return its name.

    The name carries the release's prefix, so that pruning removes it: no model ever uses it.
    """
    store = f"reprise_log_{digest_of(entries)}"
    if len(client.features(store)) < len(entries):
        have = {str(feature["name"]) for feature in client.features(store)}
        try:
            client.put_features(store, [entry for entry in entries if entry["name"] not in have])
        except UsageError as error:
            if "already contained" not in str(error):  # another partition was first
                raise
    return store


def retrieved(queries: DataFrame, urls: list[str], solr: Solr, entries: list[Entry]) -> DataFrame:
    """Return one row per request and item in the engine's top ``rerank_docs``: rank from 1, and the features.

    ``queries`` has the columns ``REQUEST``, which come back as they are: what Solr answered belongs to all of them. At
    most ``requests_in_flight`` requests run at a time, in all; a Solr that does not answer is asked again after 0.5, 2
    and 8 s before the step fails.
    """
    from pyspark.sql.types import FloatType, LongType, StringType, StructType

    keys = queries.select(*REQUEST).distinct()
    schema = StructType(list(keys.schema.fields)).add("item", StringType()).add("engine_rank", LongType())
    for entry in entries:
        schema = schema.add(str(entry["name"]), FloatType())
    ask = _asker(urls, solr, entries)
    return keys.repartition(solr.requests_in_flight).mapInPandas(ask, schema)


def _asker(
    urls: list[str], solr: Solr, entries: list[Entry]
) -> Callable[[Iterable[pd.DataFrame]], Iterable[pd.DataFrame]]:
    request, names = solr.request, [str(entry["name"]) for entry in entries]

    def ask(batches: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
        import pandas as pd

        with SolrClient(urls, solr.core, id_field=request.id_field) as client:
            store = patiently(lambda: logging_store(client, entries))
            for batch in batches:
                keys = [dict(zip(REQUEST, row, strict=True)) for row in batch[[*REQUEST]].itertuples(index=False)]
                found = [_answer(client, store, solr, names, key) for key in keys]
                if found:
                    yield pd.concat(found, ignore_index=True)

    return ask


def parameters(key: Mapping[str, Any]) -> dict[str, str]:
    """Return what one row of ``REQUEST`` adds to the request: its text as ``q``, the rest under their own names."""
    return {"q" if name == "query" else name: str(value) for name, value in key.items() if value is not None}


def _answer(client: SolrClient, store: str, solr: Solr, names: list[str], key: Mapping[str, Any]) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    request = solr.request
    params = {**request.params, **parameters(key)}
    logged = patiently(
        lambda: client.log_features(store, params, EFI, handler=request.handler, rows=request.rerank_docs)
    )
    count, empty = len(logged.ids), np.zeros(0, np.float32)
    values = {name: logged.values[:, logged.names.index(name)] if count else empty for name in names}
    ranks = np.arange(1, count + 1, dtype=np.int64)
    return pd.DataFrame(
        {**{name: [value] * count for name, value in key.items()}, "item": logged.ids, "engine_rank": ranks, **values}
    )


def patiently(call: Callable[[], T]) -> T:
    """Return what a call to Solr answers; while Solr is down it is called again after 0.5, 2 and 8 s."""
    for wait in _WAITS_S:
        try:
            return call()
        except ServiceError as error:
            log.warning("asking again in %s s: %s", wait, error)
            time.sleep(wait)
    return call()
