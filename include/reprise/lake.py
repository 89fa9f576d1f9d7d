"""The lake: plain Parquet, published by manifest; local folders and ``s3://`` behave alike.

    <lake>/<table>/v=<digest>/<partition>/attempt=<id>/part-….parquet     written by one attempt
    <lake>/<table>/v=<digest>/<partition>/manifest-00001.json             published by a conditional put
    <lake>/days/v=<digest>/attempt=<id>/<table>/day=…/part-….parquet      the daily tables of several days
    <lake>/days/v=<digest>/dt=…/manifest-00001.json                       one manifest for all tables of a day

A writer writes under an attempt of its own, then publishes: the put succeeds only if no such object exists, so
of two writers one wins and the other's files are never read. Readers read what the newest manifest lists and
nothing else. A day that is rebuilt gets the next manifest number: a new version, never a mix, and since its tables
share one manifest, none of them can be of another extraction than the others. Manifests stay, so a number once taken
is taken for ever; what nobody lists any more is swept (see lake_sweep.py).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from reprise.errors import MissingDataError, RepriseError
from reprise.objects import ObjectStore

if TYPE_CHECKING:
    import pyarrow as pa

#: Published together, a day at a time.
DAILY = (
    "searches", "impressions", "rejects", "log_counts", "query_stats", "query_item_stats", "item_stats",
    "journey_stats",
)  # fmt: skip
#: What stands in their place in addresses and manifests.
DAYS = "days"
_FOOTER = 64 << 10
#: An attempt that was last written longer ago is refused: it may be swept while it is published. Sweeping waits longer.
PUBLISH_WITHIN_S = 48 * 3600


@dataclass(frozen=True)
class Manifest:
    """What one published partition holds: its files, rows, and the inputs it was made from.

    Of a day, ``rows`` is of all its tables, and ``facts`` has each table's own (``rows``), and which are beyond their
    retention (``expired``).
    """

    table: str
    version: str
    partition: str
    attempt: str
    files: list[str]
    rows: int
    number: int = 1
    schema_version: int = 1
    inputs: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def files_of(self, table: str) -> list[str]:
        """Return the keys of one table's files."""
        return [key for key in self.files if table_of(key) == table]

    def rows_of(self, table: str) -> int:
        """Return how many rows one table has."""
        return int(self.facts["rows"].get(table, 0)) if self.table == DAYS else self.rows

    def has_expired(self, table: str) -> bool:
        """Whether this table's rows are beyond their retention and no longer listed."""
        return table in self.facts.get("expired", ())


def table_of(key: str) -> str:
    """Return which table a data file's key belongs to."""
    first, _, rest = key.partition("/")
    return rest.split("/")[-3] if first == DAYS else first


@dataclass(frozen=True)
class Attempt:
    """One writer's own folder; nobody reads it until it is published. An attempt at several days has no partition."""

    table: str
    version: str
    partition: str
    id: str

    @property
    def key(self) -> str:
        """The folder's key within the lake."""
        parts = (self.table, f"v={self.version}", self.partition, f"attempt={self.id}")
        return "/".join(part for part in parts if part)


class Lake:
    """The tables of one deployment. ``version`` is a digest of the definitions that made a table."""

    def __init__(self, uri: str) -> None:
        self.store = ObjectStore(uri)
        self.uri = self.store.root

    # -- writing

    def attempt(self, table: str, version: str, partition: str = "") -> Attempt:
        """Return a fresh folder to write to, e.g. for partition ``run=<digest>``."""
        return Attempt(table, version, partition, uuid.uuid4().hex[:12])

    def attempt_uri(self, attempt: Attempt) -> str:
        """Return the attempt's address, for Spark to write Parquet to."""
        return self.store.uri(attempt.key)

    def publish(
        self,
        attempt: Attempt,
        rows: int,
        inputs: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
        replaces: Manifest | None = None,
        written: Mapping[str, float] | None = None,
        partition: str | None = None,
    ) -> Manifest:
        """Publish an attempt's files and return what readers will see.

        ``replaces`` is the manifest this one succeeds (a day rebuilt). Of an attempt at several days ``partition``
        says which one is published and ``written`` which of its files are that day's, as ``written_by`` returns
        them. If another writer was first, its manifest is returned and these files are removed. An attempt whose
        files are gone or too old (a zombie's) is an error.
        """
        number, partition = replaces.number + 1 if replaces else 1, partition or attempt.partition
        files = self.written_by(attempt) if written is None else written
        if (rows and not files) or (files and max(files.values()) < time.time() - PUBLISH_WITHIN_S):
            raise RepriseError(f"attempt {attempt.key} is too old to be published, or was swept", "run the step again")
        manifest = Manifest(
            attempt.table, attempt.version, partition, attempt.id, list(files), rows, number,
            inputs=dict(inputs or {}), facts=dict(facts or {}),
        )  # fmt: skip
        if self.publish_manifest(manifest):
            return manifest
        winner = self.published(attempt.table, attempt.version, partition)
        # A put whose answer was lost is sent again, and then finds the name taken: by itself.
        if winner is None or winner.attempt != attempt.id:
            self.store.delete(files)
        if winner is None:
            raise RepriseError(f"the manifest of {attempt.key} vanished while it was published", "run the step again")
        return winner

    def written_by(self, attempt: Attempt) -> dict[str, float]:
        """Return key → when it was written, of an attempt's data files."""
        found = self.store.modified(f"{attempt.key}/")
        # Spark's _SUCCESS and checksum files start with _ or a dot.
        return {key: at for key, at in found.items() if not key.rsplit("/", 1)[1].startswith(("_", "."))}

    def publish_manifest(self, manifest: Manifest) -> bool:
        """Publish a manifest under its own number; return whether the number was still free."""
        content = json.dumps(asdict(manifest), sort_keys=True).encode()
        key = self._manifest_key(manifest.table, manifest.version, manifest.partition, manifest.number)
        return self.store.put_new(key, content)

    def write(
        self,
        table: str,
        version: str,
        partition: str,
        rows: pa.Table,
        inputs: Mapping[str, str] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Write a small Arrow table as one partition and publish it."""
        attempt = self.attempt(table, version, partition)
        self.put_rows(f"{attempt.key}/part-00000.parquet", rows)
        return self.publish(attempt, rows.num_rows, inputs, facts)

    def put_rows(self, key: str, rows: pa.Table) -> None:
        """Write an Arrow table as one Parquet file."""
        import io

        import pyarrow.parquet as pq

        buffer = io.BytesIO()
        pq.write_table(rows, buffer, compression="zstd")
        self.store.put(key, buffer.getvalue())

    def count_rows(self, key: str) -> int:
        """Return how many rows a Parquet file holds, by its footer."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        # Its last eight bytes are the footer's length and a mark.
        end = self.store.tail(key, _FOOTER)
        length = int.from_bytes(end[-8:-4], "little") + 8
        if length > len(end):
            end = self.store.tail(key, length)
        return pq.read_metadata(pa.BufferReader(end)).num_rows

    # -- reading

    def published(self, table: str, version: str, partition: str) -> Manifest | None:
        """Return the newest manifest of a partition, or None; of a daily table, that of the day."""
        return self._newest(self.store.list(f"{_home(table)}/v={version}/{partition}/manifest-"))

    def partitions(self, table: str, version: str, under: str = "") -> dict[str, Manifest]:
        """Return partition → newest manifest, for everything published of one version of a table.

        ``under``: only partitions that begin so, e.g. ``run=<digest>/``.
        """
        prefix = f"{_home(table)}/v={version}/"
        numbers: dict[str, list[str]] = {}
        for key in self.store.list(f"{prefix}{under}"):
            if key.rsplit("/", 1)[1].startswith("manifest-"):
                numbers.setdefault(key[len(prefix) :].rsplit("/", 1)[0], []).append(key)
        found = {partition: self._newest(keys) for partition, keys in sorted(numbers.items())}
        return {partition: manifest for partition, manifest in found.items() if manifest}

    def published_names(self, table: str) -> dict[str, list[str]]:
        """Return version → its published partitions, both sorted, by their names alone: no manifest is read."""
        home = f"{_home(table)}/v="
        found: dict[str, set[str]] = {}
        for key in self.store.list(home):
            folder, _, name = key.removeprefix(home).rpartition("/")
            if name.startswith("manifest-"):
                version, _, partition = folder.partition("/")
                found.setdefault(version, set()).add(partition)
        return {version: sorted(found[version]) for version in sorted(found)}

    def columns(self, table: str, version: str, partition: str) -> list[str]:
        """Return the names of a published partition's columns, without reading its rows."""
        import pyarrow.parquet as pq

        (first, *_) = self.manifests(table, version, [partition])[0].files_of(table)
        file = self.store.open(first)
        if file is None:
            raise MissingDataError(f"{self.store.uri(first)} is listed by its manifest but gone", "rebuild it")
        with file:
            return list(pq.read_schema(file).names)

    def _newest(self, keys: Iterable[str]) -> Manifest | None:
        """Return the newest of a partition's manifests that can be read: one being put may be listed too early."""
        for key in sorted(keys, reverse=True):
            if content := self.store.get(key):
                return Manifest(**json.loads(content))
        return None

    def manifests(self, table: str, version: str, partitions: Sequence[str]) -> list[Manifest]:
        """Return the newest manifest of each of these partitions; a missing one is an error."""
        found = []
        for partition in partitions:
            manifest = self.published(table, version, partition)
            if manifest is None:
                raise MissingDataError(
                    f"{table} has nothing published for {partition} (version {version}) in {self.uri}",
                    "run the stage that writes it first",
                )
            if manifest.has_expired(table):
                raise MissingDataError(
                    f"{table} of {partition} is beyond its retention and was swept from {self.uri}",
                    "read fewer days, or raise privacy.retention_days in logs.yaml before they expire",
                )
            found.append(manifest)
        return found

    def files(self, table: str, version: str, partitions: Sequence[str]) -> list[str]:
        """Return the addresses of all published files of these partitions; a missing one is an error."""
        return [
            self.store.uri(key)
            for manifest in self.manifests(table, version, partitions)
            for key in manifest.files_of(table)
        ]

    def read(
        self, table: str, version: str, partitions: Sequence[str], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return the published rows of these partitions as one Arrow table; days without any give a table without."""
        import io

        import pyarrow as pa
        import pyarrow.parquet as pq

        prefix = len(self.uri) + 1
        tables = []
        for address in self.files(table, version, partitions):
            content = self.store.get(address[prefix:])
            if content is None:
                raise MissingDataError(f"{address} is listed by its manifest but gone", "rebuild that partition")
            tables.append(
                pq.read_table(io.BytesIO(content), columns=list(columns) if columns else None, partitioning=None)
            )
        if not tables and table in DAILY:
            from reprise import tables as schemas

            empty = getattr(schemas, table).empty_table()
            return empty.select(list(columns)) if columns else empty
        if not tables:
            raise MissingDataError(f"{table} has no files for {list(partitions)} in {self.uri}", "check the window")
        return pa.concat_tables(tables, promote_options="permissive")

    # -- small documents

    def put_json(self, key: str, value: Any) -> str:
        """Write a JSON document and return its address."""
        self.store.put(key, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode())
        return self.store.uri(key)

    def get_json(self, key: str) -> Any:
        """Return a JSON document, or None where there is none."""
        content = self.store.get(key)
        return None if content is None else json.loads(content)

    @staticmethod
    def _manifest_key(table: str, version: str, partition: str, number: int) -> str:
        return f"{_home(table)}/v={version}/{partition}/manifest-{number:05d}.json"


def _home(table: str) -> str:
    return DAYS if table in DAILY else table
