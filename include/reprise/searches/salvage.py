"""The lines of a raw file, whatever became of it: what a torn or damaged file still holds, and where it is torn.

gzip and zstd files are members (frames) one after another. One that does not decompress to its end is torn: what it
yields up to there is kept, and reading goes on at the next place where a member begins. The same for a member whose
checksum is wrong. Nobody can tell how much is missing, so each tear is one line of its own, marked.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

import zstandard

from reprise.errors import MissingDataError, UsageError
from reprise.objects import ObjectStore

_CHUNK = 1 << 16
_BOM = b"\xef\xbb\xbf"
_FOREIGN = ("br", "bz2", "deflate", "lz4", "lzo", "snappy", "xz", "zip")
_ERRORS = (zlib.error, zstandard.ZstdError)
#: Java's decoder, which Spark uses here, has no larger window.
_SPARK_WINDOW = 8 << 20


class Line(NamedTuple):
    """A line without its end; ``torn`` where the file broke off in it, or just after the line before."""

    content: bytes
    torn: bool


@dataclass(frozen=True)
class Packing:
    """A compression: how its members begin, and what decompresses one."""

    begins: re.Pattern[bytes]
    decoder: Callable[[], Any]


_PACKINGS = {
    "gz": Packing(re.compile(rb"\x1f\x8b\x08[\x00-\x1f]"), lambda: zlib.decompressobj(31)),
    "zst": Packing(
        re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
        lambda: zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj(),
    ),
}


def packing_of(uri: str) -> Packing | None:
    """Return a file's compression by its name, or None; one that is not read here is an error."""
    ending = uri.rpartition(".")[2].lower()
    if ending in _FOREIGN:
        raise UsageError(f"{uri} is compressed as .{ending}", "log in gzip (.gz), zstd (.zst) or uncompressed files")
    return _PACKINGS.get({"gzip": "gz", "zstd": "zst"}.get(ending, ending))


def opened(uri: str) -> BinaryIO:
    """Return a raw file to seek and read in."""
    folder, _, name = uri.rpartition("/")
    file = ObjectStore(folder or "/").open(name)
    if file is None:
        raise MissingDataError(f"{uri} is gone", "run it again; the file was there when the folder was listed")
    return file


def lines(uri: str) -> Iterator[Line]:
    """Yield a file's lines as they arrive, and from where it is torn on as ``salvaged`` does."""
    given = 0
    try:
        with opened(uri) as file:
            for line in _split(_held_back(_streamed(file, packing_of(uri)))):
                yield line
                given += 1
    except _ERRORS:
        yield from islice(salvaged(uri), given, None)


def salvaged(uri: str) -> Iterator[Line]:
    """Yield the lines of every member that can be read, and one torn line, which may be empty, for each tear."""
    with opened(uri) as file:
        content, packing = file.read(), packing_of(uri)
    yield from _split(members(content, packing) if packing else [content])


def whole(uri: str) -> bool:
    """Whether Spark can read every byte of a file by itself."""
    packing = packing_of(uri)
    if packing is None:
        return True
    with opened(uri) as file:
        content = file.read()
    start = 0
    while start < len(content):
        if packing is _PACKINGS["zst"] and not _plain_frame(content[start : start + 18]):
            return False
        end = _end(packing, content, start)
        if end is None:
            return False
        start = end
    return True


def members(content: bytes, packing: Packing) -> Iterator[bytes | None]:
    """Yield what the members of a file decompress to, piece by piece, and None where one is torn."""
    start = 0
    while start < len(content):
        begins = packing.begins.match(content, start)
        if not begins and not content[start:].strip(b"\0"):  # what fills up a tape's last block
            return
        if (end := _end(packing, content, start)) is not None:
            yield from _decoded(packing, content, start, end)
            start = end
            continue
        end = _next_member(packing, content, start)
        if start == 0 and not begins and _is_text(content[: min(end, _CHUNK)]):
            yield content[:end]  # named as if it were compressed
        else:
            yield from _decoded(packing, content, start, end)
            yield None
        start = end


def _split(pieces: Iterable[bytes | None]) -> Iterator[Line]:
    """Join pieces and divide them into lines as Hadoop does: at LF, CR LF and CR, without a byte order mark."""
    rest, first = b"", True
    for piece in pieces:
        if piece is None:
            # A record that is all there is one, even where its line's end is not.
            if _is_record(rest):
                yield Line(rest, False)
                rest = b""
            yield Line(rest.rstrip(b"\r"), True)
            rest = b""
            continue
        rest, first = (rest + piece).removeprefix(_BOM) if first else rest + piece, first and not piece
        *done, rest = rest.splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n"):
            done, rest = [*done, rest], b""
        yield from (Line(line.rstrip(b"\r\n"), False) for line in done)
    if rest:
        yield Line(rest.rstrip(b"\r\n"), False)


def _streamed(file: BinaryIO, packing: Packing | None) -> Iterator[bytes]:
    decoder: Any = None
    while chunk := file.read(_CHUNK):
        if packing is None:
            yield chunk
            continue
        while chunk:
            decoder = decoder or packing.decoder()
            yield decoder.decompress(chunk)
            chunk, decoder = (decoder.unused_data, None) if decoder.eof else (b"", decoder)
    if decoder is not None:
        raise zlib.error("the last member has no end")


def _held_back(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces one late: where the next cannot be decompressed, this one's end may be nonsense already."""
    held = b""
    for piece in pieces:
        yield held
        held = piece
    yield held


def _decoded(packing: Packing, content: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield what one member's bytes decompress to, up to the first that do not."""
    decoder, at = packing.decoder(), start
    while at < end and not decoder.eof:
        try:
            yield decoder.decompress(content[at : min(at + _CHUNK, end)])
        except _ERRORS:
            yield from _up_to_error(packing, content, start, at, end)
            return
        at += _CHUNK


def _up_to_error(packing: Packing, content: bytes, start: int, at: int, end: int) -> Iterator[bytes]:
    """Yield what bytes from ``at`` on give, one at a time: an error swallows what its call had decompressed."""
    decoder = packing.decoder()
    for before in range(start, at, _CHUNK):
        decoder.decompress(content[before : before + _CHUNK])
    for number in range(at, min(at + _CHUNK, end)):
        try:
            yield decoder.decompress(content[number : number + 1])
        except _ERRORS:
            return


def _end(packing: Packing, content: bytes, start: int) -> int | None:
    """Return where a member ends, or None where it is torn."""
    decoder, at = packing.decoder(), start
    while at < len(content):
        try:
            decoder.decompress(content[at : at + _CHUNK])
        except _ERRORS:
            return None
        at = min(at + _CHUNK, len(content))
        if decoder.eof:
            return at - len(decoder.unused_data)
    return None


def _next_member(packing: Packing, content: bytes, start: int) -> int:
    """Return where the next member begins, or the file's end; its first bytes also occur by chance."""
    for found in packing.begins.finditer(content, start + 1):
        at = found.start()
        if _end(packing, content, at) is not None:
            return at
        if _is_text(next((piece for piece in _decoded(packing, content, at, len(content)) if piece), b"\0")):
            return at
    return len(content)


def _is_text(content: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(content)  # its last character may be cut
    except UnicodeDecodeError:
        return False
    return bool(text) and not re.search(r"[\x00-\x08\x0e-\x1f]", text)


def _is_record(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _plain_frame(header: bytes) -> bool:
    """Whether Java's decoder takes a zstd frame: no skippable one, and no large window."""
    try:
        return header[:4] == zstandard.FRAME_HEADER and (
            zstandard.get_frame_parameters(header).window_size <= _SPARK_WINDOW
        )
    except zstandard.ZstdError:
        return False
