"""What Solr answered, published in the lake bucket by bucket: a step that was killed asks only for what it lacks.

A bucket is a share, by hash, of a run's requests. It is published as soon as it is answered, and read again only by the
same run asking the same Solr features of the same request about the same judgments: its version is the digest of all
these. Nothing else reads it, and `reprise lake sweep` removes it when the grace period is over.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise import tables
from reprise.errors import ServiceError
from reprise.features.match import REQUEST, Wanted, answer, logging_store
from reprise.lake import Lake
from reprise.settings import digest_of
from reprise.solr.client import FeatureLog, SolrClient
from reprise.solr.pace import Pace

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from reprise.plan import Plan

log = logging.getLogger(__name__)
TABLE = "retrieved"
#: What a killed step loses, at most, for each request that may be in flight; more where there are very many.
REQUESTS_PER_BUCKET = 100
_MOST_BUCKETS = 1000


def retrieved(
    spark: SparkSession, plan: Plan, asked: DataFrame, urls: list[str], wanted: Wanted
) -> tuple[DataFrame, dict[str, int]]:
    """Return one row per request and item in the engine's top ``rerank_docs``, and how many requests were sent.

    ``asked`` has the columns ``REQUEST``, which come back as they are, with ``item``, ``engine_rank`` from 1, and the
    values wanted. At most ``requests_in_flight`` requests run at a time, in all. The second value counts requests:
    ``needed``, and of these ``sent`` by this call; it is logged before the first one is.
    """
    from pyspark.sql import functions as f

    from reprise.spark import read_table

    lake, solr = plan.open_lake(), plan.deployment.solr
    requests = asked.select(*REQUEST).distinct()
    needed = requests.count()
    buckets = min(_MOST_BUCKETS, -(-needed // REQUESTS_PER_BUCKET)) or 1
    version = _version(plan, wanted, buckets)
    numbered = requests.withColumn("bucket", f.pmod(f.xxhash64(*REQUEST), f.lit(buckets)).cast("int")).cache()
    have = lake.partitions(TABLE, version, f"{plan.partition}/")
    missing = [n for n in range(buckets) if _partition(plan, n) not in have]
    todo = numbered.where(f.col("bucket").isin(missing))
    counts = {"needed": needed, "sent": todo.count()}
    log.info("Solr is asked %(sent)d of %(needed)d requests", counts)
    if counts["sent"]:
        _ask(todo, solr.requests_in_flight, missing, _asker(plan, version, urls, wanted))
    numbered.unpersist()
    found = lake.partitions(TABLE, version, f"{plan.partition}/").values()
    schema = tables.retrieved(REQUEST, wanted.names)
    return read_table(spark, schema, [lake.store.uri(key) for one in found for key in one.files]), counts


def _ask(todo: DataFrame, lanes: int, missing: list[int], ask: Callable[..., Iterator[pd.DataFrame]]) -> None:
    """Have every bucket asked: as many lanes as requests may be in flight, each one bucket after the other."""
    from pyspark.errors import PythonException
    from pyspark.sql import functions as f

    places = f.create_map(*(f.lit(x) for n, bucket in enumerate(missing) for x in (bucket, n % lanes)))
    spread = todo.withColumn("lane", places[f.col("bucket")]).repartitionByRange(lanes, "lane")
    try:
        spread.sortWithinPartitions("bucket").mapInPandas(ask, "bucket int, rows bigint").collect()
    except PythonException as error:
        said = re.search(r"reprise\.errors\.\w+: (.*)", str(error))
        if not said:
            raise
        raise ServiceError(f"{said[1]}; what was answered is kept", "run `reprise featurize` again") from None


def _asker(
    plan: Plan, version: str, urls: list[str], wanted: Wanted
) -> Callable[[Iterable[pd.DataFrame]], Iterator[pd.DataFrame]]:
    """Return what one lane does: it answers with each bucket's number and rows."""
    uri, solr, run = plan.lake, plan.deployment.solr, plan.partition

    def ask(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import pandas as pd

        lake, pace = Lake(uri), Pace()
        rows = (row for batch in batches for row in batch[["bucket", *REQUEST]].itertuples(index=False, name=None))
        with SolrClient(urls, solr.core, id_field=solr.request.id_field) as client:
            store = pace.call(lambda: logging_store(client, wanted.entries))
            for bucket, some in groupby(rows, key=lambda row: int(row[0])):
                partition = f"{run}/bucket={bucket:05d}"
                if lake.published(TABLE, version, partition):  # this lane is tried again
                    continue
                keys = [dict(zip(REQUEST, row[1:], strict=True)) for row in some]
                count = _publish(lake, version, partition, keys, client, store, wanted, pace)
                yield pd.DataFrame({"bucket": [bucket], "rows": [count]})

    return ask


def _publish(
    lake: Lake,
    version: str,
    partition: str,
    keys: list[dict[str, Any]],
    client: SolrClient,
    store: str,
    wanted: Wanted,
    pace: Pace,
) -> int:
    found = [answer(client, store, wanted, key, pace) for key in keys]
    rows = _table(keys, found, wanted.names)
    facts = {"requests": len(keys), "store": store, "request": digest_of(wanted.solr.request.model_dump(mode="json"))}
    return lake.write(TABLE, version, partition, rows, facts=facts).rows


def _table(keys: list[dict[str, Any]], found: list[FeatureLog], names: list[str]) -> pa.Table:
    """Return the answers to some requests as rows."""
    import pyarrow as pa

    counts = [len(log.ids) for log in found]
    of_request = np.repeat(np.arange(len(keys)), counts)
    columns: dict[str, Any] = {
        name: pa.array([key[name] for key in keys], pa.string()).take(of_request) for name in REQUEST
    }
    columns["item"] = [item for log in found for item in log.ids]
    columns["engine_rank"] = np.concatenate([np.arange(1, count + 1) for count in counts])
    answered = [log for log in found if log.ids]
    for name in names:
        parts = [log.values[:, log.names.index(name)] for log in answered]
        columns[name] = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return pa.table(columns, tables.retrieved(REQUEST, names))


def _version(plan: Plan, wanted: Wanted, buckets: int) -> str:
    judged = plan.open_lake().published("judgments", plan.judgments_version, plan.partition)
    return digest_of([plan.run, plan.training_version, judged and judged.attempt, wanted.entries, REQUEST, buckets])


def _partition(plan: Plan, bucket: int) -> str:
    return f"{plan.partition}/bucket={bucket:05d}"
