"""The lake: plain Parquet, published by manifest; local folders and ``s3://`` behave alike.

    <lake>/<table>/v=<digest>/<partition>/attempt=<id>/part-….parquet     written by one attempt
    <lake>/<table>/v=<digest>/<partition>/manifest-00001.json             published by a conditional put

A writer writes under an attempt of its own, then publishes: the put succeeds only if no such object exists, so
of two writers one wins and the other's files are never read. Readers read what the newest manifest lists and
nothing else. A day that is rebuilt gets the next manifest number: a new version, never a mix.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reprise.errors import MissingDataError, RepriseError, ServiceError

if TYPE_CHECKING:
    import pyarrow as pa

_UNDER_WAY = ".tmp-"


class ObjectStore:
    """Named bytes under one root, local or S3; ``put_new`` is the only arbiter between writers."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        parts = urlsplit(self.root)
        self._bucket = parts.netloc if parts.scheme in ("s3", "s3a") else ""
        self._prefix = parts.path.strip("/")
        if not self._bucket:
            self._folder = Path(parts.path if parts.scheme == "file" else self.root)

    def uri(self, key: str) -> str:
        """Return the full address of a key."""
        return f"{self.root}/{key}"

    def get(self, key: str) -> bytes | None:
        """Return the bytes, or None where there is no such object."""
        if not self._bucket:
            path = self._folder / key
            return path.read_bytes() if path.is_file() else None
        with _s3_errors(self.root) as s3:
            try:
                return s3.get_object(Bucket=self._bucket, Key=self._key(key))["Body"].read()
            except s3.exceptions.NoSuchKey:
                return None

    def put(self, key: str, content: bytes) -> None:
        """Write the bytes, replacing whatever was there; readers see the old or the new, never half."""
        if not self._bucket:
            self._local_write(key, content, new=False)
            return
        with _s3_errors(self.root) as s3:
            s3.put_object(Bucket=self._bucket, Key=self._key(key), Body=content)

    def put_new(self, key: str, content: bytes) -> bool:
        """Write the bytes only if the key is free; return whether this call was the one that wrote."""
        if not self._bucket:
            return self._local_write(key, content, new=True)
        from botocore.exceptions import ClientError

        with _s3_errors(self.root) as s3:
            try:
                s3.put_object(Bucket=self._bucket, Key=self._key(key), Body=content, IfNoneMatch="*")
            except ClientError as error:
                if error.response["Error"]["Code"] in (
                    "PreconditionFailed",
                    "ConditionalRequestConflict",
                    "412",
                    "409",
                ):
                    return False
                raise
            return True

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those already gone are no error."""
        for key in keys:
            if not self._bucket:
                (self._folder / key).unlink(missing_ok=True)
                continue
            with _s3_errors(self.root) as s3:
                s3.delete_object(Bucket=self._bucket, Key=self._key(key))

    def list(self, prefix: str = "") -> dict[str, str]:
        """Return key → etag (S3) or size-and-mtime (local) of all objects whose key starts with the prefix."""
        if not self._bucket:
            start = self._folder / (prefix if prefix.endswith("/") else os.path.dirname(prefix))
            stats = {path.relative_to(self._folder).as_posix(): _stat(path) for path in start.rglob("*")}
            return {k: f"{s.st_size}-{s.st_mtime_ns}" for k, s in sorted(stats.items()) if s and k.startswith(prefix)}
        with _s3_errors(self.root) as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._key(prefix))
            cut = len(self._prefix) + 1 if self._prefix else 0
            return {o["Key"][cut:]: o["ETag"].strip('"') for page in pages for o in page.get("Contents", [])}

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _local_write(self, key: str, content: bytes, *, new: bool) -> bool:
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=_UNDER_WAY)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            if not new:
                os.replace(temporary, path)
                return True
            try:
                os.link(temporary, path)  # atomic, and fails where the name is taken
            except FileExistsError:
                return False
            return True
        finally:
            Path(temporary).unlink(missing_ok=True)


def _stat(path: Path) -> os.stat_result | None:
    """Return a file's stat; None for a folder, a write under way, and what has gone since it was listed."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) and not path.name.startswith(_UNDER_WAY) else None


class _s3_errors:
    """A boto3 S3 client whose refusals become errors that name the bucket and the remedy."""

    def __init__(self, root: str) -> None:
        self._root = root

    def __enter__(self) -> Any:
        return s3_client()

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ClientError):
            code = error.response["Error"]["Code"]
            if code in ("NoSuchBucket", "404"):
                raise MissingDataError(
                    f"there is no bucket for {self._root}", "create it, or correct the address"
                ) from error
            raise ServiceError(
                f"S3 refused a call on {self._root}: {error}", "check the credentials' rights"
            ) from error
        if isinstance(error, BotoCoreError):
            endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "AWS"
            raise ServiceError(
                f"S3 at {endpoint} does not answer: {error}", "start it, or correct the address"
            ) from error


def s3_client() -> Any:
    """Return a boto3 S3 client; endpoint and credentials come from the environment, as everywhere."""
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")
    return _s3_client(*(os.environ.get(name) for name in names))


@lru_cache
def _s3_client(*environment: str | None) -> Any:
    """One client per environment: boto3's default session would keep the first credentials it ever saw."""
    import boto3
    from botocore.config import Config

    retries: Any = {"max_attempts": 5, "mode": "standard"}
    return boto3.session.Session().client("s3", config=Config(retries=retries, s3={"addressing_style": "path"}))


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
        its manifest is returned and this attempt's files are removed.
        """
        number, folder = replaces.number + 1 if replaces else 1, folder or attempt.key
        # Spark's _SUCCESS and checksum files start with _ or a dot.
        files = [k for k in self.store.list(f"{folder}/") if not k.rsplit("/", 1)[1].startswith(("_", "."))]
        manifest = Manifest(
            attempt.table, attempt.version, attempt.partition, attempt.id, files, rows, number,
            inputs=dict(inputs or {}), facts=dict(facts or {}),
        )  # fmt: skip
        content = json.dumps(asdict(manifest), sort_keys=True).encode()
        if self.store.put_new(self._manifest_key(attempt.table, attempt.version, attempt.partition, number), content):
            return manifest
        self.store.delete(self.store.list(f"{folder}/"))
        winner = self.published(attempt.table, attempt.version, attempt.partition)
        if winner is None:
            raise RepriseError(f"the manifest of {attempt.key} vanished while it was published", "run the step again")
        return winner

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
        keys = self.store.list(f"{table}/v={version}/{partition}/manifest-")
        content = self.store.get(max(keys)) if keys else None
        return Manifest(**json.loads(content)) if content else None

    def partitions(self, table: str, version: str) -> dict[str, Manifest]:
        """Return partition → newest manifest, for everything published of one version of a table."""
        prefix = f"{table}/v={version}/"
        newest: dict[str, str] = {}
        for key in sorted(k for k in self.store.list(prefix) if k.rsplit("/", 1)[1].startswith("manifest-")):
            newest[key[len(prefix) :].rsplit("/", 1)[0]] = key
        return {p: Manifest(**json.loads(self.store.get(key) or b"{}")) for p, key in sorted(newest.items())}

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
