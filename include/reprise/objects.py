"""Named bytes under one root, a local folder or ``s3://``: what the lake stands on.

``put_new`` writes only where the name is free, which is all that two writers need to agree on a winner.
"""

from __future__ import annotations

import fnmatch
import io
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from reprise import aws
from reprise.errors import MissingDataError, ServiceError

_UNDER_WAY = ".tmp-"
_READ_AHEAD = 1 << 20  # bytes of an S3 object that are asked for at once


class Listed(NamedTuple):
    """What a listing says of an object."""

    etag: str  # S3's, or size and time of change
    size: int


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

    def tail(self, key: str, length: int) -> bytes:
        """Return the last bytes, or all where there are fewer; no such object is an error."""
        if not self._bucket:
            with (self._folder / key).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - length))
                return file.read()
        with _s3_errors(self.root) as s3:
            return s3.get_object(Bucket=self._bucket, Key=self._key(key), Range=f"bytes=-{length}")["Body"].read()

    def open(self, key: str) -> BinaryIO | None:
        """Return the object as a file to seek and read in, or None where there is none; S3 is read piece by piece."""
        if not self._bucket:
            path = self._folder / key
            return path.open("rb") if path.is_file() else None
        with _s3_errors(self.root) as s3:
            try:
                size = s3.head_object(Bucket=self._bucket, Key=self._key(key))["ContentLength"]
            except s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
                    return None
                raise
        return io.BufferedReader(_S3Object(self.root, self._bucket, self._key(key), size), _READ_AHEAD)

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

    def modified(self, prefix: str = "") -> dict[str, float]:
        """Return key → when it was last written (seconds since 1970, by the store's clock), as ``list`` does."""
        if not self._bucket:
            return {key: found.st_mtime for key, found in self._stats(prefix).items()}
        return {key: o["LastModified"].timestamp() for key, o in self._objects(prefix)}

    def list(self, prefix: str = "") -> dict[str, str]:
        """Return key → etag (S3) or size-and-mtime (local) of all objects whose key starts with the prefix."""
        return {key: found.etag for key, found in self.listed(prefix).items()}

    def listed(self, prefix: str = "") -> dict[str, Listed]:
        """Return key → etag and size, as ``list`` does."""
        if not self._bucket:
            stats = self._stats(prefix).items()
            return {key: Listed(f"{found.st_size}-{found.st_mtime_ns}", found.st_size) for key, found in stats}
        return {key: Listed(o["ETag"].strip('"'), o["Size"]) for key, o in self._objects(prefix)}

    def _stats(self, prefix: str) -> dict[str, os.stat_result]:
        start = self._folder / (prefix if prefix.endswith("/") else os.path.dirname(prefix))
        found = {path.relative_to(self._folder).as_posix(): _stat(path) for path in start.rglob("*")}
        return {key: stats for key, stats in sorted(found.items()) if stats and key.startswith(prefix)}

    def _objects(self, prefix: str) -> Iterator[tuple[str, Any]]:
        with _s3_errors(self.root) as s3:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._key(prefix))
            cut = len(self._prefix) + 1 if self._prefix else 0
            for page in pages:
                # Some servers name an object before it is whole (S3Proxy does, AWS does not): then it has no ETag.
                yield from ((o["Key"][cut:], o) for o in page.get("Contents", []) if "ETag" in o)

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


def buckets(pattern: str) -> list[str]:
    """Return the names of all buckets that match a glob, in order; one that is no glob is not looked for."""
    if not set(pattern) & set("*?["):
        return [pattern]
    with _s3_errors(f"s3://{pattern}") as s3:
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return sorted(fnmatch.filter(names, pattern))


class _S3Object(io.RawIOBase):
    """An object's bytes, by ranged gets."""

    def __init__(self, root: str, bucket: str, key: str, size: int) -> None:
        self._root, self._bucket, self._name, self._size, self._at = root, bucket, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        with _s3_errors(self._root) as s3:
            wanted = f"bytes={self._at}-{end - 1}"
            content = s3.get_object(Bucket=self._bucket, Key=self._name, Range=wanted)["Body"].read()
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


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
        return aws.client("s3")

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
