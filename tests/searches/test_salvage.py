"""What torn and damaged files still hold, on bytes of our own making."""

import gzip
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from reprise.errors import UsageError
from reprise.searches import parquet_files, salvage

RECORDS = [b'{"n": %d, "text": "%x"}' % (n, n * 2654435761 % 2**32) for n in range(3000)]
TEXT = b"\n".join(RECORDS) + b"\n"
PACK = {
    "gz": lambda content: gzip.compress(content, mtime=0),
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}


@pytest.fixture
def write(tmp_path):
    def _write(name, content):
        (tmp_path / name).write_bytes(content)
        return f"{tmp_path}/{name}"

    return _write


def read(uri):
    """Return the whole lines and how many torn ones there are; both ways of reading agree."""
    lines = list(salvage.lines(uri))
    assert lines == list(salvage.salvaged(uri))
    return [line.content for line in lines if not line.torn], sum(line.torn for line in lines)


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_whole_file_of_several_members(write, packing):
    """Nothing is torn, and a line may begin in one member and end in the next."""
    uri = write(f"a.{packing}", PACK[packing](TEXT[:5001]) + PACK[packing](b"") + PACK[packing](TEXT[5001:]))

    assert read(uri) == (RECORDS, 0)
    assert salvage.whole(uri)


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.9])
def test_a_gzip_that_was_cut_short(write, share):
    """All that zlib itself gets out of it, in whole lines, and one mark."""
    packed = PACK["gz"](TEXT)
    uri = write("a.gz", packed[: int(len(packed) * share)])

    found, torn = read(uri)

    whole = zlib.decompressobj(31).decompress(packed[: int(len(packed) * share)]).count(b"\n")
    assert (found, torn) == (RECORDS[:whole], 1)
    assert not salvage.whole(uri)


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_reading_goes_on_at_the_member_after_the_damage(write, packing):
    """What came before and after is used; the damaged member costs a part of itself."""
    parts = [PACK[packing](b"\n".join(RECORDS[n : n + 1000]) + b"\n") for n in (0, 1000, 2000)]
    middle = bytearray(parts[1])
    middle[len(middle) // 2 : len(middle) // 2 + 40] = b"\xff" * 40
    uri = write(f"a.{packing}", parts[0] + bytes(middle) + parts[2])

    found, torn = read(uri)

    assert found[:1000] == RECORDS[:1000]
    assert found[-1000:] == RECORDS[2000:]
    assert torn >= 1
    assert not salvage.whole(uri)


def test_the_last_record_counts_where_only_its_lines_end_is_missing(write):
    """A file that lost nothing but its trailer has all its records, and the mark."""
    uri = write("a.gz", PACK["gz"](TEXT)[:-8])

    assert read(uri) == (RECORDS, 1)


def test_text_that_is_named_as_if_it_were_compressed(write):
    """Nothing of it is lost, so nothing is torn; Spark cannot read it by that name."""
    uri = write("a.gz", TEXT)

    assert read(uri) == (RECORDS, 0)
    assert not salvage.whole(uri)


def test_lines_end_as_they_do_for_hadoop(write):
    """At LF, CR LF and CR; a byte order mark is no part of the first."""
    uri = write("a.csv", b"\xef\xbb\xbfa\r\nb\rc\n\nd")

    assert read(uri) == ([b"a", b"b", b"c", b"", b"d"], 0)


def test_a_compression_that_is_not_read_is_named_with_the_remedy(write):
    """Not a thousand unreadable records."""
    with pytest.raises(UsageError, match=r"a\.bz2 is compressed as \.bz2 → log in gzip"):
        list(salvage.lines(write("a.bz2", b"")))


def test_parquet_that_is_damaged(tmp_path):
    """Without a footer it is one tear; a row group that cannot be read is one, and the others are there."""
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": range(3000)}), path, row_group_size=1000, use_dictionary=False, compression="gzip")
    assert parquet_files.whole(str(path))
    content = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    content[start : start + 200] = b"\xff" * 200
    path.write_bytes(content)

    rows = list(parquet_files.rows(str(path)))

    assert [row and row["n"] for row in rows] == [*range(1000), None, *range(2000, 3000)]
    path.write_bytes(content[:-1])
    assert list(parquet_files.rows(str(path))) == [None]
    assert not parquet_files.whole(str(path))
