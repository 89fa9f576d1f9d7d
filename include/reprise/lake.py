"""The lake: plain Parquet, published by manifest; local folders and ``s3://`` behave alike.

    <lake>/<table>/v=<digest>/<partition>/attempt=<id>/part-….parquet     written by one attempt
    <lake>/<table>/v=<digest>/<partition>/manifest-00001.json             published by a conditional put

A writer writes under an attempt of its own, then publishes: the put succeeds only if no such object exists, so
of two writers one wins and the other's files are never read. Readers read what the newest manifest lists and
nothing else. A day that is rebuilt gets the next manifest number: a new version, never a mix. Manifests stay, so a
number once taken is taken for ever; what nobody lists any more is swept (see lake_sweep.py).
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


#: An attempt that was last written longer ago is refused: it may be swept while it is published. Sweeping waits longer.
PUBLISH_WITHIN_S = 48 * 3600


@dataclass(frozen=True)
class Manifest:
    """What one published partition holds: its files, rows, and the inputs it was made from."""

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


@dataclass(frozen=True)
class Attempt:
    """One writer's own folder for one partition; nobody reads it until it is published."""

    table: str
    version: str
    partition: str
    id: str

    @property
    def key(self) -> str:
        """The folder's key within the lake."""
        return f"{self.table}/v={self.version}/{self.partition}/attempt={self.id}"


class Lake:
    """The tables of one deployment. ``version`` is a digest of the definitions that made a table."""

    def __init__(self, uri: str) -> None:
        self.store = ObjectStore(uri)
        self.uri = self.store.root

    # -- writing

    def attempt(self, table: str, version: str, partition: str) -> Attempt:
        """Return a fresh folder to write to, e.g. for partition ``dt=2026-11-01`` or ``run=<digest>``."""
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
        folder: str | None = None,
    ) -> Manifest:
        """Publish an attempt's files and return what readers will see.

        ``replaces`` is the manifest this one succeeds (a day rebuilt). ``folder`` is where the files are, if an
        attempt wrote several partitions at once; by default the attempt's own key. If another writer was first,
        its manifest is returned and this attempt's files are removed. An attempt whose files are gone or too old
        (a zombie's) is an error.
        """
        number, folder = replaces.number + 1 if replaces else 1, folder or attempt.key
        # Spark's _SUCCESS and checksum files start with _ or a dot.
        written = self.store.modified(f"{folder}/")
        files = [key for key in written if not key.rsplit("/", 1)[1].startswith(("_", "."))]
        if (rows and not files) or (files and max(written.values()) < time.time() - PUBLISH_WITHIN_S):
            raise RepriseError(f"attempt {folder} is too old to be published, or was swept", "run the step again")
        manifest = Manifest(
            attempt.table, attempt.version, attempt.partition, attempt.id, files, rows, number,
            inputs=dict(inputs or {}), facts=dict(facts or {}),
        )  # fmt: skip
        if self.publish_manifest(manifest):
            return manifest
        winner = self.published(attempt.table, attempt.version, attempt.partition)
        # A put whose answer was lost is sent again, and then finds the name taken: by itself.
        if winner is None or winner.attempt != attempt.id:
            self.store.delete(self.store.list(f"{folder}/"))
        if winner is None:
            raise RepriseError(f"the manifest of {attempt.key} vanished while it was published", "run the step again")
        return winner

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
        import io

        import pyarrow.parquet as pq

        attempt, buffer = self.attempt(table, version, partition), io.BytesIO()
        pq.write_table(rows, buffer, compression="zstd")
        self.store.put(f"{attempt.key}/part-00000.parquet", buffer.getvalue())
        return self.publish(attempt, rows.num_rows, inputs, facts)

    # -- reading

    def published(self, table: str, version: str, partition: str) -> Manifest | None:
        """Return the newest manifest of a partition, or None."""
        return self._newest(self.store.list(f"{table}/v={version}/{partition}/manifest-"))

    def partitions(self, table: str, version: str) -> dict[str, Manifest]:
        """Return partition → newest manifest, for everything published of one version of a table."""
        prefix = f"{table}/v={version}/"
        numbers: dict[str, list[str]] = {}
        for key in self.store.list(prefix):
            if key.rsplit("/", 1)[1].startswith("manifest-"):
                numbers.setdefault(key[len(prefix) :].rsplit("/", 1)[0], []).append(key)
        found = {partition: self._newest(keys) for partition, keys in sorted(numbers.items())}
        return {partition: manifest for partition, manifest in found.items() if manifest}

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
            if manifest.facts.get("expired"):
                raise MissingDataError(
                    f"{table} of {partition} is beyond its retention and was swept from {self.uri}",
                    "read fewer days, or raise privacy.retention_days in logs.yaml before they expire",
                )
            found.append(manifest)
        return found

    def files(self, table: str, version: str, partitions: Sequence[str]) -> list[str]:
        """Return the addresses of all published files of these partitions; a missing one is an error."""
        return [
            self.store.uri(key) for manifest in self.manifests(table, version, partitions) for key in manifest.files
        ]

    def read(
        self, table: str, version: str, partitions: Sequence[str], columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return the published rows of these partitions as one Arrow table."""
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
        return f"{table}/v={version}/{partition}/manifest-{number:05d}.json"
